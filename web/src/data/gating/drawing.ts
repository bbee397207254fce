/** From the strokes of a pointer to shapes, and from shapes to lines on the screen. */

import { type GateKind, type Point, type Shape } from './geometry';

/** What a press, a drag and a release make; null while it is too small to be meant. */
export function shapeFromDrag(kind: GateKind, from: Point, to: Point, height: number): Shape | null {
  const [x1, x2] = [Math.min(from[0], to[0]), Math.max(from[0], to[0])];
  const [y1, y2] = [Math.min(from[1], to[1]), Math.max(from[1], to[1])];
  if (kind === 'rectangle') return x2 > x1 && y2 > y1 ? { kind, x1, x2, y1, y2 } : null;
  if (kind === 'range') return x2 > x1 ? { kind, x1, x2, y: height } : null;
  if (kind !== 'ellipse' || !(x2 > x1) || !(y2 > y1)) return null;
  const isWide = x2 - x1 >= y2 - y1;
  return { kind, center: [(x1 + x2) / 2, (y1 + y2) / 2], angle: isWide ? 0 : Math.PI / 2, major: Math.max(x2 - x1, y2 - y1), minor: Math.min(x2 - x1, y2 - y1) };
}

/** What a click makes. */
export function shapeFromClick(kind: GateKind, [x, y]: Point, height: number): Shape | null {
  if (kind === 'split') return { kind, x, y: height };
  return kind === 'quadrant' ? { kind, x, y, angles: [0, Math.PI / 2, Math.PI, 1.5 * Math.PI] } : null;
}

/** A hand-drawn line with the vertices that matter (Douglas and Peucker 1973); `tolerance` in the unit of the points. */
export function simplified(points: Point[], tolerance: number): Point[] {
  if (points.length < 3) return points;
  const [a, b] = [points[0], points[points.length - 1]];
  let [far, at] = [0, 0];
  for (let i = 1; i < points.length - 1; i++) {
    const distance = distanceToSegment(points[i], a, b);
    if (distance > far) [far, at] = [distance, i];
  }
  if (far <= tolerance) return [a, b];
  return [...simplified(points.slice(0, at + 1), tolerance).slice(0, -1), ...simplified(points.slice(at), tolerance)];
}

export function distanceToSegment([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const t = length ? Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / length)) : 0;
  return Math.hypot(x - ax - t * dx, y - ay - t * dy);
}

export interface Axes {
  /** Ends of the axes in places. */
  x: [number, number];
  y: [number, number];
  width: number;
  height: number;
}

export const toPixels = (axes: Axes, x: number, y: number): Point => [
  ((x - axes.x[0]) / (axes.x[1] - axes.x[0])) * axes.width,
  axes.height - ((y - axes.y[0]) / (axes.y[1] - axes.y[0])) * axes.height,
];

export const toPlaces = (axes: Axes, px: number, py: number): Point => [
  axes.x[0] + (px / axes.width) * (axes.x[1] - axes.x[0]),
  axes.y[0] + ((axes.height - py) / axes.height) * (axes.y[1] - axes.y[0]),
];

const FAR = 100_000;
const bounded = (v: number) => Math.min(FAR, Math.max(-FAR, v));
const spell = (points: Point[]) => points.map(([x, y]) => `${bounded(x).toFixed(1)},${bounded(y).toFixed(1)}`).join('L');
const STEPS = 72;

/** The closed outlines and the open lines of a shape in pixels, as SVG path data. */
export function pathsOf(shape: Shape, axes: Axes): { area: string; lines: string } {
  const at = (x: number, y: number) => toPixels(axes, x, y);
  const heightOf = (share: number) => axes.height * (1 - share);
  switch (shape.kind) {
    case 'rectangle':
      return { area: `M${spell([at(shape.x1, shape.y1), at(shape.x2, shape.y1), at(shape.x2, shape.y2), at(shape.x1, shape.y2)])}Z`, lines: '' };
    case 'polygon':
      return { area: `M${spell(shape.vertices.map(([x, y]) => at(x, y)))}Z`, lines: '' };
    case 'ellipse': {
      const [cos, sin] = [Math.cos(shape.angle), Math.sin(shape.angle)];
      const points = Array.from({ length: STEPS }, (_, i): Point => {
        const t = (i / STEPS) * 2 * Math.PI;
        const [u, v] = [(shape.major / 2) * Math.cos(t), (shape.minor / 2) * Math.sin(t)];
        return at(shape.center[0] + u * cos - v * sin, shape.center[1] + u * sin + v * cos);
      });
      return { area: `M${spell(points)}Z`, lines: '' };
    }
    case 'range': {
      const y = heightOf(shape.y);
      const [a, b] = [at(shape.x1, 0)[0], at(shape.x2, 0)[0]];
      return { area: '', lines: `M${spell([[a, y], [b, y]])}M${spell([[a, y - 8], [a, y + 8]])}M${spell([[b, y - 8], [b, y + 8]])}` };
    }
    case 'split': {
      const x = at(shape.x, 0)[0];
      const y = heightOf(shape.y);
      return { area: '', lines: `M${spell([[x, 0], [x, axes.height]])}M${spell([[x - 10, y], [x + 10, y]])}` };
    }
    case 'quadrant': {
      const center = at(shape.x, shape.y);
      const far = Math.hypot(axes.x[1] - axes.x[0], axes.y[1] - axes.y[0]) * 2;
      // straight along the axes the other coordinate is exact, so that no far end bends the line
      const rays = shape.angles.map((angle) => at(shape.x + far * Math.cos(angle), shape.y + far * Math.sin(angle)));
      return { area: '', lines: rays.map((ray) => `M${spell([center, ray])}`).join('') };
    }
  }
}

/** Where the names of a gate stand when nobody moved them, in pixels. */
export function labelsOf(shape: Shape, axes: Axes): Point[] {
  const at = (x: number, y: number) => toPixels(axes, x, y);
  const inside = ([x, y]: Point): Point => [Math.min(axes.width - 4, Math.max(4, x)), Math.min(axes.height - 8, Math.max(12, y))];
  switch (shape.kind) {
    case 'rectangle':
      return [inside(at((shape.x1 + shape.x2) / 2, Math.max(shape.y1, shape.y2))).map((v, i) => (i ? Math.max(12, v - 8) : v)) as Point];
    case 'polygon': {
      const top = shape.vertices.map(([x, y]) => at(x, y)).reduce((a, b) => (b[1] < a[1] ? b : a));
      return [inside([top[0], top[1] - 8])];
    }
    case 'ellipse': {
      const reach = Math.hypot((shape.major / 2) * Math.sin(shape.angle), (shape.minor / 2) * Math.cos(shape.angle));
      const [x, y] = at(shape.center[0], shape.center[1] + reach);
      return [inside([x, y - 8])];
    }
    case 'range':
      return [inside([at((shape.x1 + shape.x2) / 2, 0)[0], axes.height * (1 - shape.y) - 10])];
    case 'split': {
      const x = at(shape.x, 0)[0];
      return [inside([x / 2, 14]), inside([(x + axes.width) / 2, 14])];
    }
    case 'quadrant': {
      const [l, r, t, b] = [6, axes.width - 6, 14, axes.height - 10];
      return [[r, t], [l, t], [l, b], [r, b]];
    }
  }
}
