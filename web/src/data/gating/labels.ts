/** Where the names of gates stand, so that they cover neither one another nor other gates. */

import { labelsOf, toPixels, type Axes } from './drawing';
import type { Point, Shape } from './geometry';

/** Pixels: left, top, right, bottom. */
export type Box = [number, number, number, number];

export interface Labelled {
  shape: Shape;
  /** How wide its text is. */
  width: number;
  /** Where it was put by hand, as the middle of its last line; else it is placed here. */
  fixed?: Point;
}

/** Two lines of text; their last base line lies 3 above the foot. */
const HEIGHT = 28;
const FOOT = 3;
const GAP = 5;

/** What an area covers on the plot; null of shapes that part the whole plot. */
export function boundsOf(shape: Shape, axes: Axes): Box | null {
  const around = (points: Point[]): Box => {
    const [xs, ys] = [points.map((p) => p[0]), points.map((p) => p[1])];
    return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
  };
  if (shape.kind === 'rectangle') return around([toPixels(axes, shape.x1, shape.y1), toPixels(axes, shape.x2, shape.y2)]);
  if (shape.kind === 'polygon') return around(shape.vertices.map(([x, y]) => toPixels(axes, x, y)));
  if (shape.kind !== 'ellipse') return null;
  const [a, b, cos, sin] = [shape.major / 2, shape.minor / 2, Math.cos(shape.angle), Math.sin(shape.angle)];
  const [rx, ry] = [Math.hypot(a * cos, b * sin), Math.hypot(a * sin, b * cos)];
  const [x, y] = shape.center;
  return around([toPixels(axes, x - rx, y - ry), toPixels(axes, x + rx, y + ry)]);
}

const overlap = (a: Box, b: Box) => Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0])) * Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));

/** The middle of the last line of each label; null where the shape has places of its own for its names. */
export function placeLabels(gates: Labelled[], axes: Axes): (Point | null)[] {
  const bounds = gates.map((g) => boundsOf(g.shape, axes));
  const taken: Box[] = gates.flatMap(({ fixed, width }) => (fixed ? [boxAt(fixed, width)] : []));
  return gates.map(({ shape, width, fixed }, i) => {
    const own = bounds[i];
    if (fixed || !own) return null;
    const usual = labelsOf(shape, axes)[0];
    const x = Math.min(axes.width - width / 2 - 3, Math.max(width / 2 + 3, usual[0]));
    // above, below, just inside its upper and its lower edge
    const lines = [usual[1], own[3] + HEIGHT - FOOT + GAP, own[1] + HEIGHT + 1, own[3] - FOOT - GAP].map((y) => Math.min(axes.height - FOOT, Math.max(HEIGHT - FOOT, y)));
    const others = bounds.filter((b, k): b is Box => b !== null && k !== i);
    const cost = (y: number, order: number) => {
      const box = boxAt([x, y], width);
      return taken.reduce((sum, b) => sum + 4 * overlap(b, box), 0) + others.reduce((sum, b) => sum + overlap(b, box), 0) + 0.6 * overlap(own, box) + order * 20;
    };
    const y = lines.reduce((best, line, order) => (cost(line, order) < best.cost ? { line, cost: cost(line, order) } : best), { line: lines[0], cost: cost(lines[0], 0) }).line;
    taken.push(boxAt([x, y], width));
    return [x, y];
  });
}

const boxAt = ([x, y]: Point, width: number): Box => [x - width / 2, y + FOOT - HEIGHT, x + width / 2, y + FOOT];
