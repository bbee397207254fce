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

/** Channels of scatter, of time, and of the length or number of an event, as the server tells them. */
const STAINLESS = /^((fs|ss|fsc|ssc|bsc|lightloss|scatter|width|events?)(\W|\d|_|$).*|time.*|(event|file)_?(number|length))$/i;
const isStainable = ({ channel }: ChannelLike) => !STAINLESS.test(channel.trim());

/**
 * Whether somebody said what stains a channel: many instruments write its own name where a reagent belongs, and in other
 * words what scatter and time are.
 */
export const hasReagent = (channel: ChannelLike) => channelNames(channel).side !== '' && isStainable(channel);

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
  return { label: reference.replace(/^(obs|reagent):/, ''), side: '' };
}

const DETECTOR = /^(.+)[-_ ](A|H|W|Area|Height|Width)$/i;

/** The detector of a channel, and a, h, w for its area, height or width, else ''. */
function partsOf(channel: string): { detector: string; kind: string } {
  const found = DETECTOR.exec(channel);
  return found ? { detector: found[1], kind: found[2][0].toLowerCase() } : { detector: channel, kind: '' };
}

/** Where an axis lies in a file: null = nowhere, or, where `among` has several channels, nobody can tell on which. */
export interface Carrier {
  axis: string | null;
  among: string[];
}

const plainReagent = (reagent: string) => reagent.trim().toLowerCase();

/**
 * The channel that carries a reagent, as the server finds it: of several that of the name of `like`, else the only one
 * that measures the same; of one detector its area, height or width; of several detectors none.
 */
export function carrierOf(reagent: string, panel: ChannelLike[], like = ''): Carrier {
  const wanted = plainReagent(reagent);
  const among = panel.filter((c) => wanted && plainReagent(c.reagent) === wanted).map((c) => c.channel);
  if (among.includes(like)) return { axis: `var:${like}`, among };
  const alike = like ? among.filter((channel) => partsOf(channel).kind === partsOf(like).kind) : [];
  const same = alike.length ? alike : among;
  if (new Set(same.map((channel) => partsOf(channel).detector)).size !== 1) return { axis: null, among };
  const first = [...same].sort((a, b) => 'ahw'.indexOf(partsOf(a).kind) - 'ahw'.indexOf(partsOf(b).kind))[0];
  return { axis: `var:${first}`, among };
}

/**
 * The axis that stands for this one in a file of another panel: the channel with the same reagent, else the same channel
 * where one of both has no reagent. `reagent:<name>` is asked of the file alone; genes go by their names, which no panel lists.
 */
export function matchByReagent(reference: string, from: ChannelLike[], to: ChannelLike[]): Carrier {
  if (reference.startsWith('reagent:')) return carrierOf(reference.slice('reagent:'.length), to);
  if (!reference.startsWith('var:')) return { axis: reference, among: [] };
  const name = reference.slice(4);
  const own = from.find((c) => c.channel === name);
  if (!own && !to.length) return { axis: reference, among: [] };
  const same = to.find((c) => c.channel === name);
  const found: Carrier = own && hasReagent(own) ? carrierOf(own.reagent, to, name) : { axis: null, among: [] };
  if (found.among.length) return found;
  return { axis: same && !(own && hasReagent(own) && hasReagent(same)) ? reference : null, among: [] };
}

/**
 * How a channel of one panel is asked for of many files: by its reagent, unless its name alone means the same in all of
 * them, and the reagent does not.
 */
export function referenceIn(panel: ChannelLike[], channel: string, panels: ChannelLike[][]): string {
  const reference = `var:${channel}`;
  const own = panel.find((c) => c.channel === channel);
  if (!own || !hasReagent(own)) return reference;
  const meant = panels.map((other) => ({ other, axis: matchByReagent(reference, panel, other).axis }));
  const byReagent = meant.every(({ other, axis }) => carrierOf(own.reagent, other).axis === axis);
  const byName = meant.every(({ other, axis }) => axis === reference || !other.some((c) => c.channel === channel));
  return byReagent || !byName ? `reagent:${own.reagent.trim()}` : reference;
}

/** Panels without those that have the same channels and reagents as one before them. */
export function differentPanels<T extends ChannelLike>(panels: T[][]): T[][] {
  const found = new Map<string, T[]>();
  for (const panel of panels) {
    const key = JSON.stringify(panel.map((c) => [c.channel, c.reagent]));
    if (!found.has(key)) found.set(key, panel);
  }
  return [...found.values()];
}

/** What other panels have besides: their reagents, channels whose reagent lies on several, and channels without one. */
export function otherReferences(panels: ChannelLike[][]): string[] {
  const known = new Set(panels.flatMap((panel) => panel.filter(hasReagent).map((c) => c.channel)));
  return panels.flatMap((panel) =>
    panel.flatMap((c) => {
      if (!hasReagent(c)) return known.has(c.channel) ? [] : [`var:${c.channel}`];
      const found = carrierOf(c.reagent, panel);
      return [found.axis === null ? `var:${c.channel}` : referenceIn(panel, c.channel, panels)];
    }),
  );
}

/** The channels behind a reference in these panels, in words. */
export function sideOf(reference: string, panels: ChannelLike[][]): string {
  if (reference.startsWith('obs:')) return '';
  const found = panels.flatMap((panel) => (reference.startsWith('reagent:') ? carrierOf(reference.slice('reagent:'.length), panel).among : panel.filter((c) => `var:${c.channel}` === reference && hasReagent(c)).map((c) => c.channel)));
  return [...new Set(found)].join(', ');
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

/** The next pair for a further plot: reagents that no plot shows yet, else channels that could carry some. */
export function nextAxes(panel: ChannelLike[], table: TableLike, shown: { x: string; y: string }[]): { x: string; y: string } | null {
  const used = new Set(shown.flatMap((p) => [p.x, p.y]));
  const free = panel.filter((c) => isStainable(c) && !used.has(`var:${c.channel}`)).sort((a, b) => Number(hasReagent(b)) - Number(hasReagent(a)));
  if (free.length >= 2) return { x: `var:${free[0].channel}`, y: `var:${free[1].channel}` };
  return firstAxes(panel, table);
}
