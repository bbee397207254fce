/** Cells as vector points of a file. */

import { drawOrder, type OrderInput } from '../../data/order';
import { BRIGHT, DIM } from '../../data/shade';
import { toScreen, type Viewport } from '../../data/viewport';
import type { PointsMark } from './scene';

/** So many points a file holds as points; more are a picture, which programs open faster. */
export const MOST_POINTS = 20_000;
/** Pixels a point of such a picture: 288 an inch in a PDF. */
export const PRINT_RATIO = 4;
const LONGEST_SIDE = 8192;

/** What of a print's ratio the browser can paint in one piece. */
export const printRatio = (width: number, height: number) => Math.min(PRINT_RATIO, LONGEST_SIDE / Math.max(1, width, height));

export interface PointsInput {
  x: Float32Array;
  y: Float32Array;
  shades: Uint8Array;
  /** 256 × RGBA. */
  table: Uint8Array;
  view: Viewport;
  /** Diameter in pixels. */
  size: number;
  opacity: number;
}

const hex = (table: Uint8Array, at: number) => '#' + [0, 1, 2].map((c) => table[at * 4 + c].toString(16).padStart(2, '0')).join('');

export function isInView(view: Viewport, x: number, y: number): boolean {
  const [px, py] = toScreen(view, x, y);
  return px >= 0 && py >= 0 && px <= view.width && py <= view.height;
}

/** The cells of an order that lie in the view. */
export function pointsMark(order: ArrayLike<number>, { x, y, shades, table, view, size, opacity }: PointsInput): PointsMark {
  const inside = Array.prototype.filter.call(order, (i: number) => isInView(view, x[i], y[i])) as number[];
  const [xs, ys] = [new Float32Array(inside.length), new Float32Array(inside.length)];
  inside.forEach((i, k) => ([xs[k], ys[k]] = toScreen(view, x[i], y[i])));
  return { kind: 'points', x: 0, y: 0, xs, ys, r: size / 2, codes: Uint8Array.from(inside, (i) => shades[i]), colors: Array.from({ length: 256 }, (_, at) => hex(table, at)), opacity };
}

/** The cells in view, in the order in which they are painted. */
export const cellsInView = (input: OrderInput, base: Uint32Array, view: Viewport) => drawOrder(input, base, view).filter((i) => isInView(view, input.x[i], input.y[i]));

/** The same as points, as the plot paints them: dimmed ones first, smaller and paler. */
export function cellMarks(order: Uint32Array, { flags, ...common }: Omit<PointsInput, 'opacity'> & { flags: Uint8Array }): PointsMark[] {
  const [dim, bright] = [DIM, BRIGHT].map((flag) => order.filter((i) => flags[i] === flag));
  const marks = [pointsMark(bright, { ...common, opacity: 0.9 })];
  return dim.length ? [pointsMark(dim, { ...common, size: common.size * 0.8, opacity: 0.3 }), ...marks] : marks;
}

/** What the cells of a figure are in SVG and PDF, for the menu that saves them. */
export const pointsNote = (isPicture: boolean) =>
  isPicture
    ? `SVG and PDF hold the cells as a picture of ${72 * PRINT_RATIO} pixels an inch: they are more than ${MOST_POINTS.toLocaleString('en')}, or drawn as density. Text stays text.`
    : 'SVG and PDF hold every cell as a vector point.';
