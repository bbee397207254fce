/** Nearest cell to the pointer, through a grid of buckets over the plane. */

import { boundsOf } from './viewport';

export class PointGrid {
  private readonly starts: Uint32Array;
  private readonly order: Uint32Array;
  private readonly left: number;
  private readonly bottom: number;
  private readonly perX: number;
  private readonly perY: number;
  private readonly side: number;

  constructor(
    private readonly x: Float32Array,
    private readonly y: Float32Array,
  ) {
    const n = x.length;
    this.side = Math.max(1, Math.min(1024, Math.round(Math.sqrt(n / 4))));
    const b = boundsOf(x, y);
    this.left = b.left;
    this.bottom = b.bottom;
    this.perX = b.right > b.left ? this.side / (b.right - b.left) : 0;
    this.perY = b.top > b.bottom ? this.side / (b.top - b.bottom) : 0;
    this.starts = new Uint32Array(this.side * this.side + 1);
    const bucket = new Uint32Array(n);
    for (let i = 0; i < n; i++) {
      bucket[i] = this.row(y[i]) * this.side + this.column(x[i]);
      this.starts[bucket[i] + 1]++;
    }
    for (let i = 1; i < this.starts.length; i++) this.starts[i] += this.starts[i - 1];
    const next = this.starts.slice();
    this.order = new Uint32Array(n);
    for (let i = 0; i < n; i++) this.order[next[bucket[i]]++] = i;
  }

  private clamp(i: number): number {
    // NaN becomes 0: a cell without a position lies in a corner bucket and never comes near.
    return i > 0 ? Math.min(this.side - 1, Math.floor(i)) : 0;
  }

  private column(x: number): number {
    return this.clamp((x - this.left) * this.perX);
  }

  private row(y: number): number {
    return this.clamp((y - this.bottom) * this.perY);
  }

  /** The nearest cell within `radius` that passes, or -1. */
  nearest(px: number, py: number, radius: number, passes: (i: number) => boolean): number {
    let best = -1;
    let bestSquare = radius * radius;
    const c1 = this.column(px + radius);
    const r1 = this.row(py + radius);
    for (let r = this.row(py - radius); r <= r1; r++) {
      for (let c = this.column(px - radius); c <= c1; c++) {
        const b = r * this.side + c;
        for (let k = this.starts[b]; k < this.starts[b + 1]; k++) {
          const i = this.order[k];
          const square = (this.x[i] - px) ** 2 + (this.y[i] - py) ** 2;
          if (square <= bestSquare && passes(i)) {
            best = i;
            bestSquare = square;
          }
        }
      }
    }
    return best;
  }
}
