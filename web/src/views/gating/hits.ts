/** Which gate lies under the pointer. */

import { toPixels, toPlaces, type Axes } from '../../data/gating/drawing';
import { sectorAt, type Point, type Shape } from '../../data/gating/geometry';

export interface DrawnGate {
  id: string;
  shape: Shape;
  /** One name, or one of each sector. */
  names: string[];
  percents: string[];
  locked: boolean;
  /** It holds for this file alone. */
  isOwn: boolean;
  /** Where its names were put by hand, in places. */
  labels?: Point[];
}

const NEAR = 7;

const hasArea = (shape: Shape) => shape.kind === 'rectangle' || shape.kind === 'polygon' || shape.kind === 'ellipse';

function sizeOf(shape: Shape): number {
  if (shape.kind === 'rectangle') return Math.abs((shape.x2 - shape.x1) * (shape.y2 - shape.y1));
  if (shape.kind === 'ellipse') return (Math.PI / 4) * shape.major * shape.minor;
  if (shape.kind !== 'polygon') return Infinity;
  const { vertices } = shape;
  return Math.abs(vertices.reduce((sum, [x, y], i) => sum + x * vertices[(i + 1) % vertices.length][1] - vertices[(i + 1) % vertices.length][0] * y, 0)) / 2;
}

/** Whether the pointer is on a line of a gate that has no area of its own to be held by. */
function onLine(shape: Shape, axes: Axes, [px, py]: Point): boolean {
  if (shape.kind === 'split') return Math.abs(toPixels(axes, shape.x, 0)[0] - px) <= NEAR;
  if (shape.kind === 'range') {
    const [a, b] = [toPixels(axes, shape.x1, 0)[0], toPixels(axes, shape.x2, 0)[0]].sort((p, q) => p - q);
    return px >= a - NEAR && px <= b + NEAR && Math.abs(axes.height * (1 - shape.y) - py) <= NEAR + 4;
  }
  if (shape.kind !== 'quadrant') return false;
  const [cx, cy] = toPixels(axes, shape.x, shape.y);
  return Math.abs(cx - px) <= NEAR || Math.abs(cy - py) <= NEAR;
}

/** The gate to select or drag: the smallest area under the pointer, else a line near it. */
export function gateAt(gates: DrawnGate[], axes: Axes, at: Point): DrawnGate | null {
  const [x, y] = toPlaces(axes, at[0], at[1]);
  const lines = gates.filter((g) => onLine(g.shape, axes, at));
  if (lines.length) return lines[lines.length - 1];
  return gates.filter((g) => hasArea(g.shape) && sectorAt(g.shape, x, y) >= 0).sort((a, b) => sizeOf(a.shape) - sizeOf(b.shape))[0] ?? null;
}

/** The gate and the part of it that a double click opens. */
export function partAt(gates: DrawnGate[], axes: Axes, at: Point): { gate: DrawnGate; sector: number } | null {
  const [x, y] = toPlaces(axes, at[0], at[1]);
  const inside = gates.map((gate) => ({ gate, sector: sectorAt(gate.shape, x, y) })).filter((hit) => hit.sector >= 0);
  return inside.sort((a, b) => sizeOf(a.gate.shape) - sizeOf(b.gate.shape))[0] ?? null;
}
