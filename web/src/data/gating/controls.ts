/** Which file is the control of which channel: by name, else by what is bright in it. */

export interface ControlFile {
  key: string;
  name: string;
  /** Some events of each channel, in the order of the channels. */
  columns: Float32Array[];
}

export interface ControlChannel {
  channel: string;
  reagent: string;
}

export interface ControlGuess {
  /** Channel → key of its control. */
  controls: Map<string, string>;
  unstained: string | null;
}

const BRIGHT = 0.95;
/** So many times the dimmest file a control has to be in its channel. */
const LEAST_RISE = 3;

const plain = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, '');

function quantileOf(values: Float32Array, q: number): number {
  const sorted = Float32Array.from(values.filter((v) => v === v)).sort();
  return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] : 0;
}

/** Words by which a file says what is stained in it: its reagent, its channel, the channel without '-A'. */
const wordsOf = ({ channel, reagent }: ControlChannel) => [reagent, channel, channel.replace(/[-_ ][AHW]$/i, '')].map(plain).filter((word) => word.length > 1);

/** The one channel that a name speaks of: the longest match, where it is the only one. */
export function channelInName(name: string, channels: ControlChannel[]): string | null {
  const text = plain(name);
  const found = channels.flatMap((c) => wordsOf(c).filter((word) => text.includes(word)).map((word) => ({ channel: c.channel, length: word.length })));
  const longest = Math.max(0, ...found.map((f) => f.length));
  const best = new Set(found.filter((f) => f.length === longest).map((f) => f.channel));
  return best.size === 1 ? [...best][0] : null;
}

const partsOf = (channel: string) => {
  const found = /^(.*?)[-_ ]([AHW])$/i.exec(channel);
  return found ? { stem: found[1], kind: found[2].toUpperCase() } : { stem: channel, kind: '' };
};

/** Of area, height and width of a detector the one that most detectors have, area first: they are of the same light. */
export function oneOfEachDetector<T extends { channel: string }>(channels: T[]): T[] {
  const tally = (kind: string) => channels.filter((c) => partsOf(c.channel).kind === kind).length;
  const order = ['A', 'H', 'W'].sort((a, b) => tally(b) - tally(a));
  const best = (c: T) => order.indexOf(partsOf(c.channel).kind);
  return channels.filter((c) => !channels.some((other) => other !== c && partsOf(other.channel).stem === partsOf(c.channel).stem && best(other) < best(c)));
}

const isUnstainedName = (name: string) => /un-?stain|unst\b|blank|\bneg/i.test(name);

export function guessControls(files: ControlFile[], channels: ControlChannel[]): ControlGuess {
  const controls = new Map<string, string>();
  const byName = files.find((f) => isUnstainedName(f.name));
  const rest = files.filter((f) => f !== byName);
  for (const file of rest) {
    const channel = channelInName(file.name, channels);
    if (channel && !controls.has(channel)) controls.set(channel, file.key);
  }
  const bright = files.map((f) => f.columns.map((column) => quantileOf(column, BRIGHT)));
  // the dimmest file says what no dye gives; where that is nothing, a hundredth of the brightest one does
  const floor = channels.map((_, c) => Math.max(1e-6, Math.min(...bright.map((b) => Math.abs(b[c]))), Math.max(...bright.map((b) => b[c])) / 100));
  const rise = (f: number, c: number) => (bright[f][c] ?? 0) / floor[c];
  const isTaken = (key: string) => [...controls.values()].includes(key);
  // what is brightest in each file, then the brightest file of each channel, surest first; a file is the control of one channel only
  const most = (n: number, value: (i: number) => number) => Array.from({ length: n }, (_, i) => i).reduce((top, i) => (value(i) > value(top) ? i : top), 0);
  const ofFiles = channels.length ? files.map((_, f) => ({ f, c: most(channels.length, (c) => rise(f, c)) })) : [];
  const ofChannels = files.length ? channels.map((_, c) => ({ c, f: most(files.length, (f) => bright[f][c]) })) : [];
  const surest = (list: { f: number; c: number }[]) => list.map((p) => ({ ...p, rise: rise(p.f, p.c) })).sort((p, q) => q.rise - p.rise);
  const pairs = [...surest(ofFiles), ...surest(ofChannels)];
  for (const { c, f, rise: share } of pairs) {
    const { channel } = channels[c];
    if (share >= LEAST_RISE && files[f] !== byName && !controls.has(channel) && !isTaken(files[f].key)) controls.set(channel, files[f].key);
  }
  const dim = files.map((file, f) => ({ key: file.key, rise: Math.max(0, ...channels.map((_, c) => rise(f, c))) })).filter((d) => !isTaken(d.key) && d.rise < LEAST_RISE);
  dim.sort((a, b) => a.rise - b.rise);
  return { controls, unstained: byName?.key ?? dim[0]?.key ?? null };
}
