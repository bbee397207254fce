/** Which genes of a comparison stand out, and where they lie in a volcano plot. */

/** Genes up in the first selection, up in the second, or neither. */
export type Call = 'first' | 'second' | 'neither';

export interface Cuts {
  /** Largest adjusted p-value. */
  p: number;
  /** Smallest absolute log2 fold change. */
  change: number;
}

export const callOf = (change: number, pAdjusted: number, cuts: Cuts): Call =>
  !(pAdjusted <= cuts.p) || Math.abs(change) < cuts.change || change === 0 ? 'neither' : change > 0 ? 'first' : 'second';

export interface VolcanoPoints {
  change: Float64Array;
  /** -log10 of the adjusted p-value; what is smaller than numbers can be lies at the top. */
  height: Float64Array;
  /** True where the p-value was too small to be told. */
  capped: Uint8Array;
  top: number;
  reach: number;
}

/**
 * Heights of the points: p = 0 is put a little above the highest that can be told.
 * `share` is the smaller of the shares of cells that express a gene on either side: genes that one side lacks do not widen
 * the axis, for their fold change is as large as one likes.
 */
export function volcanoPoints(change: Float64Array, pAdjusted: Float64Array, share?: Float64Array): VolcanoPoints {
  const n = change.length;
  const height = new Float64Array(n);
  const capped = new Uint8Array(n);
  let top = 0;
  let reach = 0;
  for (let i = 0; i < n; i++) {
    height[i] = -Math.log10(pAdjusted[i]);
    if (pAdjusted[i] === 0) capped[i] = 1;
    else if (height[i] > top) top = height[i];
    const isSeen = !share || share[i] > 0;
    if (isSeen && Number.isFinite(change[i]) && Math.abs(change[i]) > reach) reach = Math.abs(change[i]);
  }
  const anyCapped = capped.includes(1);
  const most = anyCapped ? Math.max(top, 300) * 1.03 : top;
  for (let i = 0; i < n; i++) if (capped[i]) height[i] = most;
  return { change, height, capped, top: Math.max(1, most), reach: Math.max(1, reach) };
}

/** Where a gene lies across; what lies beyond the axis stands at its end. */
export const across = (points: VolcanoPoints, i: number) => Math.max(-points.reach, Math.min(points.reach, points.change[i]));

/** At most `n` rows that lie farthest out, farthest first. */
export function farthest(points: VolcanoPoints, n: number): number[] {
  const far = (i: number) => (points.height[i] / points.top) * Math.sqrt(Math.abs(across(points, i)) / points.reach);
  const rows: number[] = [];
  for (let i = 0; i < points.height.length; i++) if (Number.isFinite(points.height[i]) && Number.isFinite(points.change[i])) rows.push(i);
  return rows.sort((a, b) => far(b) - far(a)).slice(0, n);
}
