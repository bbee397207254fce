/** Which files belong together: one batch per matrix, with its lists of features and cells. */

export type FileRole = 'matrix' | 'features' | 'barcodes';

export interface NamedFile {
  name: string;
}

export interface Batch<T> {
  name: string;
  files: Partial<Record<FileRole, T>>;
}

const MARKERS: [FileRole, RegExp][] = [
  ['barcodes', /^(.*?)barcodes\.(tsv|txt)(\.gz)?$/i],
  ['features', /^(.*?)(features|genes)\.(tsv|txt)(\.gz)?$/i],
  ['matrix', /^(.*?)matrix\.mtx(\.gz)?$/i],
];

/** A file name without its folders and endings. */
export function stem(name: string): string {
  const base = name.split('/').pop() ?? name;
  return base.replace(/\.(gz|zip|tar|tgz|bz2)$/i, '').replace(/\.(h5ad|h5mu|h5|hdf5|loom|rds|rda|mtx|tsv|csv|txt|bcs|tar|zarr)$/i, '') || base;
}

/** Group files into batches: `A_matrix.mtx.gz` with `A_features.tsv.gz` and `A_barcodes.tsv.gz`; other files alone. */
export function groupFiles<T extends NamedFile>(files: T[]): Batch<T>[] {
  const sets = new Map<string, Batch<T>>();
  const hasMatrix = files.some((file) => MARKERS[2][1].test(file.name));
  const alone: Batch<T>[] = [];
  for (const file of files) {
    const hit = hasMatrix ? MARKERS.map(([role, pattern]) => ({ role, match: pattern.exec(file.name) })).find((m) => m.match) : undefined;
    if (!hit?.match) {
      alone.push({ name: stem(file.name), files: { matrix: file } });
      continue;
    }
    const prefix = hit.match[1];
    const set = sets.get(prefix) ?? { name: prefix.replace(/[/_.\- ]+$/, '').split('/').pop() || 'matrix', files: {} };
    set.files[hit.role] = file;
    sets.set(prefix, set);
  }
  return uniqueNames([...sets.values(), ...alone]);
}

function uniqueNames<T>(batches: Batch<T>[]): Batch<T>[] {
  const seen = new Map<string, number>();
  return batches.map((batch) => {
    const n = (seen.get(batch.name) ?? 0) + 1;
    seen.set(batch.name, n);
    return n === 1 ? batch : { ...batch, name: `${batch.name} ${n}` };
  });
}

/** What a batch lacks, in words; empty where it is whole. */
export function missingFiles<T>(batch: Batch<T>): string {
  const { matrix, features, barcodes } = batch.files;
  if (!features && !barcodes && matrix) return '';
  const missing = [
    !matrix && 'matrix.mtx',
    !features && 'features.tsv (or genes.tsv)',
    !barcodes && 'barcodes.tsv',
  ].filter(Boolean);
  return missing.length ? `‘${batch.name}’ lacks ${missing.join(' and ')}: add it too.` : '';
}

/** Whether a file is called as cytometers call theirs. */
export const isNamedAsEvents = (name: string): boolean => /\.(fcs|lmd)$/i.test(name);

/** Whether a file begins as FCS files do, whatever it is called. */
export const beginsWithEvents = async (file: Blob): Promise<boolean> => /^FCS\d\.\d/.test(await file.slice(0, 6).text());
