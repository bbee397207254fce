/** The shade of every cell: one byte into a colour table, the same for points and density. */

import type { CategoricalColumn } from './columns';

export interface Shading {
  /** One byte per cell: 0 is 'no value'. */
  shades: Uint8Array;
  /** 256 × RGBA. */
  table: Uint8Array;
  /** Higher shades are drawn last, on top. */
  ranked: boolean;
}

/** Shades of numbers between low and high: 1 to 255; values beyond are clipped to the ends. */
export function shadeNumbers(values: ArrayLike<number>, low: number, high: number): Uint8Array {
  const shades = new Uint8Array(values.length);
  const scale = high > low ? 254 / (high - low) : 0;
  for (let i = 0; i < values.length; i++) {
    const t = (values[i] - low) * scale;
    shades[i] = Number.isNaN(t) ? 0 : 1 + (t <= 0 ? 0 : t >= 254 ? 254 : t + 0.5);
  }
  return shades;
}

export function shadeCategories(column: CategoricalColumn): Uint8Array {
  const shades = new Uint8Array(column.codes.length);
  for (let i = 0; i < shades.length; i++) shades[i] = Math.min(255, column.codes[i] + 1);
  return shades;
}

export const HIDDEN = 0;
export const DIM = 1;
export const BRIGHT = 2;

/** What of a cell is drawn: nothing, dimmed (others are selected), or bright. */
export function flagCells(
  length: number,
  shown: { words: Uint32Array } | null,
  selected: { words: Uint32Array } | null,
): Uint8Array {
  const flags = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    const bit = 1 << (i & 31);
    if (shown && !(shown.words[i >>> 5] & bit)) continue;
    flags[i] = !selected || selected.words[i >>> 5] & bit ? BRIGHT : DIM;
  }
  return flags;
}
