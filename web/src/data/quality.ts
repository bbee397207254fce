/** Which cells a submission would keep: counted here, by the same rule as on the server, while the handles move. */

import type { Histogram } from './columns';

export interface CellMeasures {
  n: number;
  /** Molecules counted in each cell. */
  n_counts: Float64Array;
  /** Genes seen in each cell. */
  n_genes: Float64Array;
  /** Share of the molecules from mitochondrial genes, 0 to 1. */
  mito_share: Float64Array;
}

export type MeasureName = 'n_counts' | 'n_genes' | 'mito_share';
export type Scale = 'linear' | 'log';
/** The filters of a submission as they stand in the form: texts, '' = no limit. */
export type FilterTexts = Record<string, string>;

export interface Measure {
  name: MeasureName;
  title: string;
  unit: string;
  low: string | null;
  high: string;
}

export const MEASURES: Measure[] = [
  { name: 'n_counts', title: 'Counts per cell', unit: 'transcripts', low: 'min_counts', high: 'max_counts' },
  { name: 'n_genes', title: 'Genes per cell', unit: 'genes', low: 'min_genes', high: 'max_genes' },
  { name: 'mito_share', title: 'Mitochondrial share', unit: '% of counts', low: null, high: 'max_mito_share' },
];

/** Filters as numbers; what is empty or no number sets no limit. */
export function filterNumbers(texts: FilterTexts): Record<string, number> {
  const out: Record<string, number> = {};
  for (const [name, text] of Object.entries(texts)) {
    const value = Number(text);
    if (text.trim() !== '' && Number.isFinite(value)) out[name] = value;
  }
  return out;
}

/** How many cells lie within all limits; limits are inclusive. */
export function countKept(cells: CellMeasures, texts: FilterTexts): number {
  const f = filterNumbers(texts);
  const [c0, c1] = [f.min_counts ?? 0, f.max_counts ?? Infinity];
  const [g0, g1] = [f.min_genes ?? 0, f.max_genes ?? Infinity];
  const most = f.max_mito_share ?? 1;
  const { n_counts, n_genes, mito_share } = cells;
  let kept = 0;
  for (let i = 0; i < cells.n; i++) {
    const c = n_counts[i];
    const g = n_genes[i];
    if (c >= c0 && c <= c1 && g >= g0 && g <= g1 && !(mito_share[i] > most)) kept++;
  }
  return kept;
}

/** Cells below and above the limits of one measure. */
export function countOutside(values: Float64Array, low: number | undefined, high: number | undefined): [number, number] {
  let below = 0;
  let above = 0;
  for (let i = 0; i < values.length; i++) {
    if (low !== undefined && values[i] < low) below++;
    else if (high !== undefined && values[i] > high) above++;
  }
  return [below, above];
}

/** A value's place on the axis: log is log10(1 + x), so that 0 has a place. */
export const toAxis = (value: number, scale: Scale) => (scale === 'log' ? Math.log10(1 + value) : value);
export const fromAxis = (place: number, scale: Scale) => (scale === 'log' ? 10 ** place - 1 : place);

/** Cells by their place on the axis; the axis of a share ends at its largest value, all begin at 0. */
export function axisHistogram(values: Float64Array, scale: Scale, nBins: number): Histogram {
  let most = 0;
  for (let i = 0; i < values.length; i++) if (values[i] > most) most = values[i];
  const high = toAxis(most, scale) || 1;
  const counts = new Uint32Array(nBins);
  for (let i = 0; i < values.length; i++) {
    const place = toAxis(values[i], scale);
    if (!Number.isNaN(place)) counts[Math.min(nBins - 1, Math.floor((place / high) * nBins))]++;
  }
  return { low: 0, high, counts };
}

/** The text of a limit that a handle was dragged to: whole numbers of counts and genes, thousandths of a share. */
export const limitText = (name: MeasureName, value: number) =>
  name === 'mito_share' ? String(Math.round(value * 1000) / 1000) : String(Math.round(value));

/** Powers of ten up to `high`, with 0 in front; of a long axis every second or third. */
export function powerTicks(high: number, about = 6): number[] {
  const last = Math.max(0, Math.floor(Math.log10(Math.max(1, high))));
  const every = Math.max(1, Math.ceil((last + 1) / about));
  const ticks = [0];
  for (let i = 0; i <= last; i += every) ticks.push(10 ** i);
  return ticks;
}
