/** What the axes of a table can be: channels with their reagents, features, annotations with numbers, embeddings. */

export interface ChannelLike {
  index: number;
  channel: string;
  reagent: string;
}

export interface AxisChoice {
  /** A feature reference: `var:<name>`, `obs:<column>`, `obsm:<name>:<dimension>`. */
  reference: string;
  label: string;
  /** Its channel, where a reagent is the label. */
  side: string;
  group: string;
}

interface TableLike {
  columns: { name: string; kind: string }[];
  embeddings: { name: string; n_dims: number }[];
}

const MOST_DIMS = 10;

/** What a channel is called: by its reagent, with the channel at the side; by one name alone where both say the same. */
export function channelNames({ channel, reagent }: Pick<ChannelLike, 'channel' | 'reagent'>): { label: string; side: string } {
  const name = reagent.trim();
  return name && name.toLowerCase() !== channel.trim().toLowerCase() ? { label: name, side: channel } : { label: channel, side: '' };
}

/** Whether somebody said what a channel measures: many instruments write its own name where a reagent belongs. */
export const hasReagent = (channel: ChannelLike) => channelNames(channel).side !== '';

/** Both names in one text. */
export const joinedNames = ({ label, side }: { label: string; side: string }) => (side ? `${label} · ${side}` : label);

export function channelChoices(panel: ChannelLike[]): AxisChoice[] {
  const sorted = [...panel.filter(hasReagent), ...panel.filter((c) => !hasReagent(c))];
  return sorted.map((c) => ({ reference: `var:${c.channel}`, ...channelNames(c), group: hasReagent(c) ? 'Reagents' : 'Channels' }));
}

export function tableChoices(table: TableLike, titleOf: (name: string) => string): AxisChoice[] {
  return [
    ...table.embeddings.flatMap((e) =>
      Array.from({ length: Math.min(MOST_DIMS, e.n_dims) }, (_, d) => ({ reference: `obsm:${e.name}:${d}`, label: `${titleOf(e.name)} ${d + 1}`, side: e.name, group: 'Embeddings' })),
    ),
    ...table.columns.filter((c) => c.kind === 'numeric').map((c) => ({ reference: `obs:${c.name}`, label: c.name, side: '', group: 'Annotations' })),
  ];
}

/** A reference in words, with what is known of the panel. */
export function axisLabel(reference: string, panel: ChannelLike[], titleOf: (name: string) => string): { label: string; side: string } {
  if (reference.startsWith('var:')) {
    const channel = panel.find((c) => c.channel === reference.slice(4));
    return channel ? channelNames(channel) : { label: reference.slice(4), side: '' };
  }
  if (reference.startsWith('obsm:')) {
    const [, name, dimension] = /^obsm:(.*):(\d+)$/.exec(reference) ?? ['', reference, '0'];
    return { label: `${titleOf(name)} ${Number(dimension) + 1}`, side: '' };
  }
  return { label: reference.replace(/^obs:/, ''), side: '' };
}

const ending = (channel: string) => /-([^-]*)$/.exec(channel)?.[1] ?? '';

/**
 * The axis that stands for this one in a file of another panel: the channel with the same reagent (of several that of
 * the same name, else that with the same ending), else the same channel where one of both has no reagent; null = it lacks it.
 */
export function matchByReagent(reference: string, from: ChannelLike[], to: ChannelLike[]): string | null {
  if (!reference.startsWith('var:')) return reference;
  const name = reference.slice(4);
  const reagentOf = (c: ChannelLike) => c.reagent.trim().toLowerCase();
  const wanted = from.filter((c) => c.channel === name).map(reagentOf)[0] ?? '';
  const same = to.find((c) => c.channel === name);
  const alike = wanted ? to.filter((c) => reagentOf(c) === wanted) : [];
  if (same && alike.includes(same)) return reference;
  if (alike.length) return `var:${(alike.find((c) => ending(c.channel) === ending(name)) ?? alike[0]).channel}`;
  return same && !(wanted && same.reagent) ? reference : null;
}

/** The first plots of a table nobody has gated: scatter of the forward and side light, else the first embedding, else two channels. */
export function firstAxes(panel: ChannelLike[], table: TableLike): { x: string; y: string } | null {
  const find = (pattern: RegExp) => panel.find((c) => pattern.test(c.channel));
  const forward = find(/^FSC.*-A$/i) ?? find(/^FSC/i) ?? find(/^FS\b/i);
  const side = find(/^SSC.*-A$/i) ?? find(/^SSC/i) ?? find(/^SS\b/i);
  if (forward && side) return { x: `var:${forward.channel}`, y: `var:${side.channel}` };
  const flat = table.embeddings.find((e) => /umap|tsne/i.test(e.name) && e.n_dims >= 2) ?? table.embeddings.find((e) => e.n_dims >= 2);
  if (flat && panel.length === 0) return { x: `obsm:${flat.name}:0`, y: `obsm:${flat.name}:1` };
  const named = panel.filter(hasReagent);
  const two = named.length >= 2 ? named : panel;
  return two.length >= 2 ? { x: `var:${two[0].channel}`, y: `var:${two[1].channel}` } : null;
}

/** The next pair for a further plot: reagents that no plot shows yet. */
export function nextAxes(panel: ChannelLike[], table: TableLike, shown: { x: string; y: string }[]): { x: string; y: string } | null {
  const used = new Set(shown.flatMap((p) => [p.x, p.y]));
  const free = panel.filter((c) => hasReagent(c) && !used.has(`var:${c.channel}`));
  if (free.length >= 2) return { x: `var:${free[0].channel}`, y: `var:${free[1].channel}` };
  return firstAxes(panel, table);
}
