/** New files made of files: what is asked of the server for each, and what will be in it. */

export interface SourceFile {
  id: string;
  name: string;
  channels: string[];
  /** Of the population that is taken; null = not counted yet. */
  n_events: number | null;
  /** Why the population cannot be counted in it; '' where it can. */
  problem: string;
}

/** How many events of each file are taken: all, so many, or a share in per cent. */
export interface Sampling {
  kind: 'all' | 'count' | 'share';
  amount: number;
  seed: number;
}

export interface DeriveForm {
  /** One file of all, or a copy of each. */
  isJoined: boolean;
  /** Of the joined file; '' = after the first one. */
  name: string;
  /** Goes to the end of the name of each copy, before '.fcs'. */
  ending: string;
  population: string | null;
  compensation: string;
  sampling: Sampling;
  eventNumber: boolean;
  fileNumber: boolean;
}

const MOST_FILES = 1000;

/** 'a.fcs' with ' (sample)' is 'a (sample).fcs'. */
export function withEnding(name: string, ending: string): string {
  const at = /\.(fcs|lmd)$/i.exec(name)?.index ?? name.length;
  return name.slice(0, at) + ending + name.slice(at);
}

export const joinedName = (files: SourceFile[]) => (files.length ? withEnding(files[0].name, ' (joined)') : '');

/** How many of a file's events are taken. */
export function takenOf(n: number, { kind, amount }: Sampling): number {
  return kind === 'all' ? n : kind === 'count' ? Math.min(n, amount) : Math.floor(n * (amount / 100) + 0.5);
}

/** Events of all files that are taken; null while one is not counted. */
export function takenOfAll(files: SourceFile[], sampling: Sampling): number | null {
  return files.reduce<number | null>((sum, f) => (sum === null || f.n_events === null ? null : sum + takenOf(f.n_events, sampling)), 0);
}

/** Why nothing can be made so; '' = it can. */
export function deriveProblem(form: DeriveForm, files: SourceFile[]): string {
  const { kind, amount, seed } = form.sampling;
  if (!files.length) return 'Choose files.';
  if (files.length > MOST_FILES && form.isJoined) return `At most ${MOST_FILES} files are joined into one.`;
  if (kind === 'count' && !(Number.isInteger(amount) && amount > 0)) return 'Say how many events are taken: a whole number above 0.';
  if (kind === 'share' && !(amount > 0 && amount <= 100)) return 'The share lies above 0 and up to 100 per cent.';
  if (kind !== 'all' && !Number.isInteger(seed)) return 'The seed is a whole number.';
  const uncounted = files.find((f) => f.problem);
  if (uncounted) return `‘${uncounted.name}’: ${uncounted.problem}`;
  if (!form.isJoined) return '';
  const [first, ...others] = files;
  const lacking = others.filter((f) => first.channels.some((c) => !f.channels.includes(c)));
  if (!lacking.length) return '';
  const missing = first.channels.find((c) => !lacking[0].channels.includes(c)) ?? '';
  return `‘${lacking[0].name}’ ${lacking.length > 1 ? `and ${lacking.length - 1} more lack` : 'lacks'} channels that ‘${first.name}’ has, such as ${missing}: join files with the same channels.`;
}

/** One file for one of all, else one for each; none where nothing is chosen. */
export function deriveWishes(form: DeriveForm, files: SourceFile[]) {
  const { kind, amount, seed } = form.sampling;
  const sample = kind === 'count' ? { post_n: amount } : kind === 'share' ? { post_p: amount / 100 } : {};
  const wish = (of: SourceFile[], filename: string, add_file_number: boolean) => ({
    dataset_ids: of.map((f) => f.id), filename, population: form.population, compensation: form.compensation, ...sample, seed, add_event_number: form.eventNumber, add_file_number,
  });
  if (form.isJoined) return [wish(files, form.name.trim() || joinedName(files), form.fileNumber)];
  return files.map((f) => wish([f], withEnding(f.name, form.ending), false));
}
