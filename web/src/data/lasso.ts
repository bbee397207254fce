/** Which cells lie within a drawn outline. */

import { Bits } from './bits';

/** Vertices one after another: x0, y0, x1, y1, … in data coordinates; the last joins the first. */
export type Outline = ArrayLike<number>;

export function rectangle(x0: number, y0: number, x1: number, y1: number): number[] {
  return [x0, y0, x1, y0, x1, y1, x0, y1];
}

const SLABS = 256;

/**
 * The shown cells within the outline, by the even–odd rule.
 *
 * The outline's edges are sorted into horizontal slabs first, so that a point is tested only against edges at its
 * height: a million points and a hand-drawn outline of hundreds of edges take tens of milliseconds.
 */
export function selectWithin(x: Float32Array, y: Float32Array, outline: Outline, shown: Bits | null): Bits {
  const out = new Bits(x.length);
  const n = outline.length >> 1;
  if (n < 3) return out;
  let left = Infinity;
  let right = -Infinity;
  let bottom = Infinity;
  let top = -Infinity;
  for (let i = 0; i < n; i++) {
    left = Math.min(left, outline[2 * i]);
    right = Math.max(right, outline[2 * i]);
    bottom = Math.min(bottom, outline[2 * i + 1]);
    top = Math.max(top, outline[2 * i + 1]);
  }
  const slabs = edgesBySlab(outline, n, bottom, top);
  const perUnit = top > bottom ? SLABS / (top - bottom) : 0;
  for (let i = 0; i < x.length; i++) {
    const px = x[i];
    const py = y[i];
    if (!(px >= left && px <= right && py >= bottom && py <= top)) continue;
    if (shown && !(shown.words[i >>> 5] & (1 << (i & 31)))) continue;
    if (within(px, py, outline, n, slabs[Math.min(SLABS - 1, Math.floor((py - bottom) * perUnit))])) out.add(i);
  }
  return out;
}

function edgesBySlab(outline: Outline, n: number, bottom: number, top: number): number[][] {
  const slabs: number[][] = Array.from({ length: SLABS }, () => []);
  const perUnit = top > bottom ? SLABS / (top - bottom) : 0;
  for (let i = 0; i < n; i++) {
    const a = outline[2 * i + 1];
    const b = outline[2 * ((i + 1) % n) + 1];
    // One slab of margin on each side, so that rounding never loses an edge.
    const first = Math.max(0, Math.floor((Math.min(a, b) - bottom) * perUnit) - 1);
    const last = Math.min(SLABS - 1, Math.floor((Math.max(a, b) - bottom) * perUnit) + 1);
    for (let slab = first; slab <= last; slab++) slabs[slab].push(i);
  }
  return slabs;
}

function within(px: number, py: number, outline: Outline, n: number, edges: number[]): boolean {
  let inside = false;
  for (const i of edges) {
    const j = i + 1 === n ? 0 : i + 1;
    const ay = outline[2 * i + 1];
    const by = outline[2 * j + 1];
    if (ay > py === by > py) continue;
    const ax = outline[2 * i];
    if (px < ((outline[2 * j] - ax) * (py - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}
