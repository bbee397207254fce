/** Features in groups of cells, as the server summarises them. */

import { decodeFrame } from './frames';

export interface GroupRow {
  feature: string;
  group: string;
  /** '' where nothing splits the groups. */
  split: string;
  n: number;
  mean: number;
  share: number;
  /** Minimum, quartiles, maximum. */
  quantiles: number[];
}

export function decodeSummary(bytes: Uint8Array): GroupRow[] {
  const frame = decodeFrame(bytes);
  const [feature, group, split] = ['feature', 'group', 'split'].map(frame.texts);
  const [n, mean, share, ...quantiles] = ['n', 'mean', 'share', 'q0', 'q25', 'q50', 'q75', 'q100'].map(frame.numbers);
  return Array.from({ length: frame.length }, (_, i) => ({
    feature: feature[i], group: group[i], split: split[i], n: n[i], mean: mean[i], share: share[i], quantiles: quantiles.map((q) => q[i]),
  }));
}

export interface Violin {
  group: string;
  split: string;
  n: number;
  bandwidth: number;
  values: Float64Array;
  /** NaN where all values of the group are equal. */
  densities: Float64Array;
}

/** One for each run of rows of a group and split. */
export function decodeViolins(bytes: Uint8Array): Violin[] {
  const frame = decodeFrame(bytes);
  const [group, split] = ['group', 'split'].map(frame.texts);
  const [n, bandwidth, value, density] = ['n', 'bandwidth', 'value', 'density'].map(frame.numbers);
  const out: Violin[] = [];
  for (let first = 0; first < frame.length; ) {
    let end = first;
    while (end < frame.length && group[end] === group[first] && split[end] === split[first]) end++;
    out.push({ group: group[first], split: split[first], n: n[first], bandwidth: bandwidth[first], values: value.slice(first, end), densities: density.slice(first, end) });
    first = end;
  }
  return out;
}

export const unique = (names: string[]) => [...new Set(names)];

/** The best markers of each group that no earlier group has, with the group of each. */
export function topMarkers(rows: { group: string; feature: string }[], perGroup: number): { group: string; feature: string }[] {
  const taken = new Set<string>();
  const counts = new Map<string, number>();
  return rows.filter(({ group, feature }) => {
    const have = counts.get(group) ?? 0;
    if (have >= perGroup || taken.has(feature)) return false;
    taken.add(feature);
    counts.set(group, have + 1);
    return true;
  });
}

export type Scaling = 'none' | 'gene' | 'z';

/**
 * The means of one feature as they are coloured: as they are, from the lowest (0) to the highest (1) group, or in
 * standard deviations (of the groups' means, n - 1) from their mean. What does not vary becomes 0.
 */
export function scaled(means: number[], scaling: Scaling): number[] {
  if (scaling === 'none') return means;
  const known = means.filter((v) => !Number.isNaN(v));
  if (scaling === 'gene') {
    const low = Math.min(...known);
    const span = Math.max(...known) - low;
    return means.map((v) => (span > 0 ? (v - low) / span : v - v));
  }
  const middle = known.reduce((a, v) => a + v, 0) / known.length;
  const deviation = Math.sqrt(known.reduce((a, v) => a + (v - middle) ** 2, 0) / (known.length - 1));
  return means.map((v) => (deviation > 0 ? (v - middle) / deviation : v - v));
}
