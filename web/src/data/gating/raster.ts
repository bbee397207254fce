/** Events counted on a grid over a plot, smoothed, and the lines of equal density on it. */

import type { Axes } from './drawing';

export interface Raster {
  width: number;
  height: number;
  /** Events of every cell, row by row from the top. */
  counts: Float32Array;
  /** How many events were counted. */
  total: number;
}

/** Count events (in places of their axes) on a grid; events beyond the axes are laid on their ends, NaN nowhere. */
export function countOnGrid(x: Float32Array, y: Float32Array, axes: Pick<Axes, 'x' | 'y'>, width: number, height: number): Raster {
  const counts = new Float32Array(width * height);
  const [fx, fy] = [width / (axes.x[1] - axes.x[0]), height / (axes.y[1] - axes.y[0])];
  let total = 0;
  for (let i = 0; i < x.length; i++) {
    const px = cellOf((x[i] - axes.x[0]) * fx, width);
    const py = cellOf((axes.y[1] - y[i]) * fy, height);
    if (px < 0 || py < 0) continue;
    counts[py * width + px]++;
    total++;
  }
  return { width, height, counts, total };
}

/** The cell of each event on such a grid, -1 = nowhere. */
export function cellsOf(x: Float32Array, y: Float32Array, axes: Pick<Axes, 'x' | 'y'>, width: number, height: number): Int32Array {
  const [fx, fy] = [width / (axes.x[1] - axes.x[0]), height / (axes.y[1] - axes.y[0])];
  return Int32Array.from(x, (v, i) => {
    const [px, py] = [cellOf((v - axes.x[0]) * fx, width), cellOf((axes.y[1] - y[i]) * fy, height)];
    return px < 0 || py < 0 ? -1 : py * width + px;
  });
}

function cellOf(place: number, size: number): number {
  if (Number.isNaN(place)) return -1;
  return place < 0 ? 0 : place >= size ? size - 1 : Math.floor(place);
}

/** The standard deviation, in cells, that smooths these counts well: Scott's rule for one Gaussian heap as dense as they are; 0 = none are near others. */
export function bandwidth({ counts, total }: Raster): number {
  let pairs = 0;
  for (const n of counts) pairs += n * (n - 1);
  // of such a heap, this share of all pairs lies within a cell: 1 / (4 pi sigma²)
  return pairs > 0 ? Math.sqrt((total * (total - 1)) / pairs / (4 * Math.PI)) * total ** (-1 / 6) : 0;
}

/** Pixels of a grid that tells how near events lie, and of the one that they are smoothed on. */
const [COARSE, FINE] = [8, 2];
/** The least and the most smoothing, in pixels. */
const [SHARPEST, SOFTEST] = [2.5, 14];

/** How densely events lie around each of a few, smoothed as suits their number; NaN = it lies nowhere. */
export function densityAt(x: Float32Array, y: Float32Array, axes: Axes): Float32Array {
  const grid = (step: number) => [Math.max(8, Math.round(axes.width / step)), Math.max(8, Math.round(axes.height / step))] as const;
  const suited = bandwidth(countOnGrid(x, y, axes, ...grid(COARSE))) * COARSE || SOFTEST;
  const smooth = blurred(countOnGrid(x, y, axes, ...grid(FINE)), Math.max(SHARPEST, Math.min(SOFTEST, suited)) / FINE);
  return Float32Array.from(cellsOf(x, y, axes, ...grid(FINE)), (cell) => (cell < 0 ? NaN : smooth[cell]));
}

/** Three box blurs, which together are near a Gaussian of that standard deviation (in cells); mass is kept at the edges. */
export function blurred(raster: Raster, sigma: number): Float32Array {
  const radius = Math.max(1, Math.round(Math.sqrt((12 * sigma * sigma) / 3 + 1) / 2 - 0.5));
  const from = raster.counts.slice();
  const to = new Float32Array(from.length);
  const { width, height } = raster;
  for (let pass = 0; pass < 3; pass++) {
    boxBlur(from, to, { lines: height, length: width, lineStep: width, step: 1 }, radius);
    boxBlur(to, from, { lines: width, length: height, lineStep: 1, step: width }, radius);
  }
  return from;
}

interface Layout {
  lines: number;
  length: number;
  lineStep: number;
  step: number;
}

function boxBlur(from: Float32Array, to: Float32Array, { lines, length, lineStep, step }: Layout, radius: number): void {
  const share = 1 / (2 * radius + 1);
  for (let line = 0; line < lines; line++) {
    const start = line * lineStep;
    const at = (i: number) => from[start + mirror(i, length) * step];
    let sum = 0;
    for (let i = -radius; i <= radius; i++) sum += at(i);
    for (let i = 0; i < length; i++) {
      to[start + i * step] = sum * share;
      sum += at(i + radius + 1) - at(i - radius);
    }
  }
}

function mirror(i: number, length: number): number {
  const inside = i < 0 ? -i - 1 : i >= length ? 2 * length - 1 - i : i;
  return Math.min(length - 1, Math.max(0, inside));
}

/** Densities whose lines enclose these shares of the events, from outside inwards; equal lines are told once. */
export function probabilityLevels(density: Float32Array, shares: number[]): number[] {
  const sorted = density.slice().sort().reverse();
  let total = 0;
  for (const v of sorted) total += v;
  const levels: number[] = [];
  let sum = 0;
  let i = 0;
  for (const share of [...shares].sort((a, b) => a - b)) {
    while (i < sorted.length - 1 && sum < share * total) sum += sorted[i++];
    levels.push(sorted[i]);
  }
  return [...new Set(levels.reverse())].filter((v) => v > 0);
}

/** Lines of a density at one level (marching squares): x0, y0, x1, y1 of each piece, in cells from the top left. */
export function contourLines(density: Float32Array, width: number, height: number, level: number): number[] {
  const out: number[] = [];
  const value = (x: number, y: number) => (x < 0 || y < 0 || x >= width || y >= height ? 0 : density[y * width + x]);
  const between = (a: number, b: number) => (level - a) / (b - a || 1);
  for (let y = -1; y < height; y++) {
    for (let x = -1; x < width; x++) {
      const [a, b, c, d] = [value(x, y), value(x + 1, y), value(x + 1, y + 1), value(x, y + 1)];
      const code = (a >= level ? 1 : 0) | (b >= level ? 2 : 0) | (c >= level ? 4 : 0) | (d >= level ? 8 : 0);
      if (code === 0 || code === 15) continue;
      const top: [number, number] = [x + between(a, b), y];
      const right: [number, number] = [x + 1, y + between(b, c)];
      const bottom: [number, number] = [x + between(d, c), y + 1];
      const left: [number, number] = [x, y + between(a, d)];
      for (const [p, q] of piecesOf(code, { top, right, bottom, left })) out.push(p[0] + 0.5, p[1] + 0.5, q[0] + 0.5, q[1] + 0.5);
    }
  }
  return out;
}

type Side = [number, number];

function piecesOf(code: number, s: { top: Side; right: Side; bottom: Side; left: Side }): [Side, Side][] {
  switch (code > 7 ? 15 - code : code) {
    case 1:
      return [[s.left, s.top]];
    case 2:
      return [[s.top, s.right]];
    case 3:
      return [[s.left, s.right]];
    case 4:
      return [[s.right, s.bottom]];
    case 6:
      return [[s.top, s.bottom]];
    case 7:
      return [[s.left, s.bottom]];
    default:
      // two opposite corners
      return code === 5 ? [[s.left, s.top], [s.right, s.bottom]] : [[s.top, s.right], [s.left, s.bottom]];
  }
}

/** A smoothed histogram over an axis: the height of each of `bins` bins, in events. */
export function curveOver(x: Float32Array, ends: [number, number], bins: number, sigma: number): Float32Array {
  const counts = countOnGrid(x, new Float32Array(x.length), { x: ends, y: [-1, 1] }, bins, 1);
  return sigma > 0 ? blurredLine(counts.counts, sigma) : counts.counts;
}

function blurredLine(line: Float32Array, sigma: number): Float32Array {
  const radius = Math.max(1, Math.round(Math.sqrt(4 * sigma * sigma + 1) / 2 - 0.5));
  let from = line.slice();
  for (let pass = 0; pass < 3; pass++) {
    const to = new Float32Array(from.length);
    boxBlur(from, to, { lines: 1, length: from.length, lineStep: from.length, step: 1 }, radius);
    from = to;
  }
  return from;
}
