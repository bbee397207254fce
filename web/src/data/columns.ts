/** Columns of a table in the browser: immutable typed arrays, one entry per cell. */

export interface CategoricalColumn {
  kind: 'categorical';
  name: string;
  /** Index into `categories`; -1 is missing. */
  codes: Int32Array;
  categories: string[];
  colors: (string | null)[] | null;
  ordered: boolean;
}

export interface NumericColumn {
  kind: 'numeric';
  name: string;
  /** NaN is missing. */
  values: Float32Array | Float64Array;
}

export interface TextColumn {
  kind: 'text';
  name: string;
  length: number;
  at: (i: number) => string | null;
}

export type Column = CategoricalColumn | NumericColumn | TextColumn;

export interface Embedding {
  name: string;
  /** One array per dimension. */
  dims: Float32Array[];
}

/** Smallest and largest value, NaN left out; [0, 1] where there is none. */
export function extent(values: ArrayLike<number>): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const v = values[i];
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return low <= high ? [low, high] : [0, 1];
}

const SAMPLE = 200_000;

/** Quantiles of the values that are not NaN; of more than 200,000 values an even sample is taken. */
export function quantiles(values: ArrayLike<number>, at: number[]): number[] {
  const step = Math.max(1, Math.ceil(values.length / SAMPLE));
  const sample = new Float64Array(Math.ceil(values.length / step));
  let n = 0;
  for (let i = 0; i < values.length; i += step) if (!Number.isNaN(values[i])) sample[n++] = values[i];
  const sorted = sample.subarray(0, n).sort();
  return at.map((q) => {
    if (n === 0) return NaN;
    const x = q * (n - 1);
    const i = Math.floor(x);
    return i + 1 < n ? sorted[i] + (sorted[i + 1] - sorted[i]) * (x - i) : sorted[n - 1];
  });
}

export interface Histogram {
  low: number;
  high: number;
  counts: Uint32Array;
}

export function histogram(values: ArrayLike<number>, bins: number): Histogram {
  const [low, high] = extent(values);
  const counts = new Uint32Array(bins);
  const scale = high > low ? bins / (high - low) : 0;
  for (let i = 0; i < values.length; i++) {
    const v = values[i];
    if (!Number.isNaN(v)) counts[Math.min(bins - 1, Math.floor((v - low) * scale))]++;
  }
  return { low, high, counts };
}

/** Every k-th value, at most `most` of them; the values themselves where these are few enough. */
export function thinned(values: Float32Array, most: number): Float32Array {
  const step = Math.ceil(values.length / most);
  return step <= 1 ? values : Float32Array.from({ length: Math.ceil(values.length / step) }, (_, i) => values[i * step]);
}
