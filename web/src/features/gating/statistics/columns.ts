/** The numbers of a column as text, and how wide the column is for them. */

import { number } from '../../../data/words';
import { roomOf } from '../../../render/figure/widths';

const [HEAD_SIZE, CELL_SIZE, PADDING] = [12, 14, 16];
const [NARROWEST, WIDEST] = [50, 220];

/** Numbers of one column with as many decimals each, so that their points stand below each other. */
export function alignedNumbers(values: (number | null)[]): string[] {
  const top = values.reduce<number>((most, v) => (v == null || !Number.isFinite(v) ? most : Math.max(most, Math.abs(v))), 0);
  const decimals = top >= 100 ? 1 : top >= 10 ? 2 : top >= 1 ? 3 : 4;
  const format = new Intl.NumberFormat('en', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  const least = 0.5 * 10 ** -decimals;
  const text = (v: number) => (top >= 1e9 ? number(v) : v !== 0 && Math.abs(v) < least ? String(Number(v.toPrecision(2))) : format.format(v));
  return values.map((v) => (v == null || !Number.isFinite(v) ? '–' : text(v).replace('-', '−')));
}

/** Pixels that a column needs for its heads and for the longest of its cells. */
export function widthOf(heads: string[], cells: string[]): number {
  const longest = cells.reduce((long, cell) => (cell.length > long.length ? cell : long), '');
  const room = Math.max(roomOf(longest, CELL_SIZE), ...heads.map((head) => roomOf(head, HEAD_SIZE)));
  return Math.ceil(Math.min(WIDEST, Math.max(NARROWEST, room + PADDING)));
}
