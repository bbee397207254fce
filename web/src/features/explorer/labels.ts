/** Where the name of a category stands: at the median of its cells. */

import type { Bits } from '../../data/bits';
import type { CategoricalColumn } from '../../data/columns';
import type { OverlayLabel } from '../../render/overlay';

const PER_CATEGORY = 2000;
const MOST_LABELS = 80;

function median(values: number[]): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[sorted.length >> 1];
}

/** Labels, the largest category first; of a large category an even sample of its cells is taken. */
export function categoryLabels(column: CategoricalColumn, x: Float32Array, y: Float32Array, shown: Bits | null): OverlayLabel[] {
  const n = column.categories.length;
  const counts = new Uint32Array(n);
  for (let i = 0; i < column.codes.length; i++) if (column.codes[i] >= 0 && (!shown || shown.has(i))) counts[column.codes[i]]++;
  const steps = counts.map((c) => Math.max(1, Math.ceil(c / PER_CATEGORY)));
  const seen = new Uint32Array(n);
  const xs: number[][] = Array.from({ length: n }, () => []);
  const ys: number[][] = Array.from({ length: n }, () => []);
  for (let i = 0; i < column.codes.length; i++) {
    const code = column.codes[i];
    if (code < 0 || (shown && !shown.has(i)) || seen[code]++ % steps[code] !== 0 || Number.isNaN(x[i])) continue;
    xs[code].push(x[i]);
    ys[code].push(y[i]);
  }
  return Array.from({ length: n }, (_, code) => code)
    .filter((code) => xs[code].length > 0)
    .sort((a, b) => counts[b] - counts[a])
    .slice(0, MOST_LABELS)
    .map((code) => ({ text: column.categories[code], x: median(xs[code]), y: median(ys[code]) }));
}
