/** The order in which points are drawn: dimmed ones first, and none always hides the same other. */

import { visibleBounds, type Viewport } from './viewport';

export interface OrderInput {
  x: Float32Array;
  y: Float32Array;
  shades: Uint8Array;
  flags: Uint8Array;
  ranked: boolean;
}

/** How many shown cells lie in the view, counted to `limit` at most. */
export function countInView(input: OrderInput, view: Viewport, limit: number): number {
  const { x, y, flags } = input;
  const b = visibleBounds(view);
  let n = 0;
  for (let i = 0; i < x.length && n <= limit; i++) {
    if (flags[i] && x[i] >= b.left && x[i] <= b.right && y[i] >= b.bottom && y[i] <= b.top) n++;
  }
  return n;
}

/** A fixed shuffle of 0 … n-1, so that the last sample of a file does not always lie on top. */
export function shuffled(n: number): Uint32Array {
  const order = new Uint32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  let state = 0x9e3779b9;
  for (let i = n - 1; i > 0; i--) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const j = (state >>> 0) % (i + 1);
    const keep = order[i];
    order[i] = order[j];
    order[j] = keep;
  }
  return order;
}

/**
 * Indices of the cells to draw, dimmed before bright; ranked by shade where higher values belong on top.
 *
 * With a view, only cells within it (with a margin of 8 pixels) are listed.
 */
export function drawOrder(input: OrderInput, base: Uint32Array, view: Viewport | null): Uint32Array {
  const { x, y, shades, flags, ranked } = input;
  const b = view
    ? visibleBounds({ ...view, width: view.width + 16, height: view.height + 16 })
    : { left: -Infinity, right: Infinity, bottom: -Infinity, top: Infinity };
  const key = (i: number) => (flags[i] - 1) * 256 + (ranked ? shades[i] : 0);
  const inside = (i: number) =>
    flags[i] !== 0 && x[i] >= b.left && x[i] <= b.right && y[i] >= b.bottom && y[i] <= b.top;
  const starts = new Uint32Array(513);
  for (let i = 0; i < x.length; i++) if (inside(i)) starts[key(i) + 1]++;
  for (let k = 1; k < starts.length; k++) starts[k] += starts[k - 1];
  const order = new Uint32Array(starts[512]);
  for (let k = 0; k < base.length; k++) {
    const i = base[k];
    if (inside(i)) order[starts[key(i)]++] = i;
  }
  return order;
}
