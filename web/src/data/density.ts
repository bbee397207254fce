/** A picture of many cells: colours averaged per pixel, brightness by the logarithm of the number of cells there. */

import { BRIGHT } from './shade';
import type { Viewport } from './viewport';

export interface DensityInput {
  x: Float32Array;
  y: Float32Array;
  shades: Uint8Array;
  /** 0 hidden, 1 dimmed, 2 bright. */
  flags: Uint8Array;
  table: Uint8Array;
}

export interface DensityCounts {
  /** Cells per pixel, bright and dimmed. */
  bright: Uint32Array;
  dim: Uint32Array;
  /** Sums of red, green, blue per pixel: of the bright cells where there are any, else of the dimmed. */
  rgb: Float32Array;
  most: number;
  drawn: number;
}

/** Count the cells of every pixel and sum their colours. `v` is in raster pixels. */
export function countCells(input: DensityInput, v: Viewport): DensityCounts {
  const { x, y, shades, flags, table } = input;
  const n = v.width * v.height;
  const bright = new Uint32Array(n);
  const dim = new Uint32Array(n);
  const rgb = new Float32Array(n * 3);
  const dx = v.width / 2 - v.x * v.scale;
  const dy = v.height / 2 + v.y * v.scale;
  let drawn = 0;
  let most = 0;
  for (let i = 0; i < x.length; i++) {
    const flag = flags[i];
    if (flag === 0) continue;
    const px = Math.floor(x[i] * v.scale + dx);
    const py = Math.floor(dy - y[i] * v.scale);
    if (!(px >= 0 && px < v.width && py >= 0 && py < v.height)) continue;
    const p = py * v.width + px;
    drawn++;
    if (flag === BRIGHT) {
      if (bright[p]++ === 0 && dim[p]) rgb[p * 3] = rgb[p * 3 + 1] = rgb[p * 3 + 2] = 0;
      if (bright[p] > most) most = bright[p];
    } else {
      dim[p]++;
      if (dim[p] > most) most = dim[p];
      if (bright[p]) continue;
    }
    const t = shades[i] * 4;
    rgb[p * 3] += table[t];
    rgb[p * 3 + 1] += table[t + 1];
    rgb[p * 3 + 2] += table[t + 2];
  }
  return { bright, dim, rgb, most, drawn };
}

/** RGBA bytes of the counts: alpha from 35 % for one cell to 100 % for the fullest pixel; dimmed ones at 30 % of that. */
export function paintCounts(counts: DensityCounts): Uint8ClampedArray<ArrayBuffer> {
  const { bright, dim, rgb, most } = counts;
  const out = new Uint8ClampedArray(bright.length * 4);
  const perLog = most > 1 ? 0.65 / Math.log(most) : 0;
  for (let p = 0; p < bright.length; p++) {
    const isBright = bright[p] > 0;
    const n = isBright ? bright[p] : dim[p];
    if (n === 0) continue;
    out[p * 4] = rgb[p * 3] / n;
    out[p * 4 + 1] = rgb[p * 3 + 1] / n;
    out[p * 4 + 2] = rgb[p * 3 + 2] / n;
    const alpha = most > 1 ? 0.35 + perLog * Math.log(n) : 1;
    out[p * 4 + 3] = 255 * alpha * (isBright ? 1 : 0.3);
  }
  return out;
}
