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

/** A reference control of a dye in spectral unmixing. */
export interface DyeGuess {
  key: string;
  /** The detector that it is brightest in, and that no dye before it has. */
  channel: string;
  dye: string;
}

/** Above so much of a file's events lies what is taken as its bright ones. */
const RARE = 0.99;
const CONTROL_WORDS = /\b(compensation|comp|single|stain(ed)?|reference|ref|controls?|ctrl|beads?|cells?|group|tube)\b/gi;
const looksLikeControl = (name: string) => new RegExp(CONTROL_WORDS.source, 'i').test(name.replace(/_/g, ' '));

/** What a file says its dye is: its name without the words of a control; '' where nothing is left but a number. */
export function dyeInName(name: string): string {
  const words = name.replace(/\.(fcs|lmd)$/i, '').replace(/_/g, ' ').replace(CONTROL_WORDS, ' ').replace(/\(\s*\)/g, ' ').replace(/\s+/g, ' ').replace(/^[\s.,;:-]+|[\s.,;:-]+$/g, '');
  return /[a-z]/i.test(words) ? words : '';
}

/** How far the bright events of a file rise in each detector, over the unstained ones or its own dim ones. */
function risesOf(columns: Float32Array[], unstained: Float32Array[] | null): number[] {
  return columns.map((column, c) => quantileOf(column, RARE) - quantileOf(unstained?.[c] ?? column, unstained ? 0.5 : 1 - RARE));
}

/** The detector that a control is brightest in, of those that are free; null where it rises in none. */
export function brightestDetector(columns: Float32Array[], unstained: Float32Array[] | null, detectors: string[], taken: Iterable<string> = []): string | null {
  const used = new Set(taken);
  const rises = risesOf(columns, unstained);
  let best = -1;
  for (let c = 0; c < detectors.length; c++) if (!used.has(detectors[c]) && rises[c] > 0 && (best < 0 || rises[c] > rises[best])) best = c;
  return best < 0 ? null : detectors[best];
}

/** Which files are reference controls of which dyes, in the order of the files: told by names, and by what is bright. */
export function guessDyes(files: ControlFile[], detectors: string[]): { dyes: DyeGuess[]; unstained: string | null } {
  const { unstained, controls } = guessControls(files, detectors.map((channel) => ({ channel, reagent: '' })));
  const dim = files.find((f) => f.key === unstained)?.columns ?? null;
  const stained = files.filter((f) => f.key !== unstained);
  const named = stained.filter((f) => looksLikeControl(f.name));
  const known = new Set(controls.values());
  const offered = named.length ? named : stained.filter((f) => known.has(f.key));
  // of two dyes that are brightest in the same detector, the brighter one gets it
  const surest = offered.map((f) => ({ f, rise: Math.max(0, ...risesOf(f.columns, dim)) })).sort((a, b) => b.rise - a.rise);
  const found = new Map<string, string>();
  for (const { f } of surest) {
    const channel = brightestDetector(f.columns, dim, detectors, found.values());
    if (channel) found.set(f.key, channel);
  }
  return { unstained, dyes: offered.flatMap((f) => (found.has(f.key) ? [{ key: f.key, channel: found.get(f.key) ?? '', dye: dyeInName(f.name) }] : [])) };
}
