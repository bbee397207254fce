/**
 * Gates as shapes in places of their axes: which events are inside, how they are drawn, dragged and reshaped.
 *
 * Edges as on the server: rectangle, range and ellipse are closed, a split and a quadrant give their lines to the right
 * and to above, polygons are even-odd.
 */

export type GateKind = 'rectangle' | 'polygon' | 'ellipse' | 'range' | 'quadrant' | 'split';
export type Point = [number, number];

export type Shape =
  | { kind: 'rectangle'; x1: number; x2: number; y1: number; y2: number }
  | { kind: 'polygon'; vertices: Point[] }
  | { kind: 'ellipse'; center: Point; angle: number; major: number; minor: number }
  | { kind: 'range'; x1: number; x2: number; y: number }
  | { kind: 'split'; x: number; y: number }
  | { kind: 'quadrant'; x: number; y: number; angles: number[] };

export type Geometry = Record<string, unknown>;

export const shapeOf = (kind: GateKind, geometry: Geometry) => ({ kind, ...geometry }) as unknown as Shape;

export function geometryOf(shape: Shape): Geometry {
  return Object.fromEntries(Object.entries(shape).filter(([name]) => name !== 'kind'));
}

export const isOneDimensional = (kind: GateKind) => kind === 'range' || kind === 'split';

const QUARTERS = [0, Math.PI / 2, Math.PI, 1.5 * Math.PI];
const TURN = 2 * Math.PI;
const turned = (angle: number) => ((angle % TURN) + TURN) % TURN;
const isSkewed = (angles: number[]) => angles.some((angle, i) => Math.abs(turned(angle) - QUARTERS[i]) > 1e-9);

/**
 * The part of a gate that an event lies in: -1 for none; of quadrants 0 upper right, 1 upper left, 2 lower left,
 * 3 lower right; of splits 0 left, 1 right; of others 0 inside.
 */
export function sectorAt(shape: Shape, x: number, y: number): number {
  if (Number.isNaN(x) || (!isOneDimensional(shape.kind) && Number.isNaN(y))) return -1;
  switch (shape.kind) {
    case 'rectangle': {
      const [a, b] = [Math.min(shape.x1, shape.x2), Math.max(shape.x1, shape.x2)];
      const [c, d] = [Math.min(shape.y1, shape.y2), Math.max(shape.y1, shape.y2)];
      return x >= a && x <= b && y >= c && y <= d ? 0 : -1;
    }
    case 'range':
      return x >= Math.min(shape.x1, shape.x2) && x <= Math.max(shape.x1, shape.x2) ? 0 : -1;
    case 'split':
      return x < shape.x ? 0 : 1;
    case 'ellipse': {
      const [dx, dy] = [x - shape.center[0], y - shape.center[1]];
      const [cos, sin] = [Math.cos(shape.angle), Math.sin(shape.angle)];
      const u = (dx * cos + dy * sin) / (shape.major / 2);
      const v = (dy * cos - dx * sin) / (shape.minor / 2);
      return u * u + v * v <= 1 ? 0 : -1;
    }
    case 'polygon':
      return insidePolygon(shape.vertices, x, y) ? 0 : -1;
    case 'quadrant':
      return quadrantAt(shape, x, y);
  }
}

function quadrantAt(shape: Extract<Shape, { kind: 'quadrant' }>, x: number, y: number): number {
  const angles = [...shape.angles].map(turned).sort((a, b) => a - b);
  if (angles.length !== 4 || !isSkewed(angles)) return x >= shape.x ? (y >= shape.y ? 0 : 3) : y >= shape.y ? 1 : 2;
  const first = angles.reduce((best, angle, i) => (nearZero(angle) < nearZero(angles[best]) ? i : best), 0);
  const angle = turned(Math.atan2(y - shape.y, x - shape.x));
  for (let k = 0; k < 4; k++) {
    const from = angles[(first + k) % 4];
    const to = angles[(first + k + 1) % 4];
    if (turned(angle - from) < turned(to - from)) return k;
  }
  return 0;
}

const nearZero = (angle: number) => Math.min(angle, TURN - angle);

function insidePolygon(vertices: Point[], x: number, y: number): boolean {
  let inside = false;
  for (let i = 0, j = vertices.length - 1; i < vertices.length; j = i++) {
    const [ax, ay] = vertices[i];
    const [bx, by] = vertices[j];
    if (onEdge(ax, ay, bx, by, x, y)) return true;
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}

function onEdge(ax: number, ay: number, bx: number, by: number, x: number, y: number): boolean {
  if (x < Math.min(ax, bx) || x > Math.max(ax, bx) || y < Math.min(ay, by) || y > Math.max(ay, by)) return false;
  return (bx - ax) * (y - ay) === (by - ay) * (x - ax);
}

/** How many of the events lie in each part of the gate; NaN counts nowhere. */
export function countSectors(shape: Shape, x: Float32Array, y: Float32Array | null): number[] {
  const counts = new Array<number>(shape.kind === 'quadrant' ? 4 : shape.kind === 'split' ? 2 : 1).fill(0);
  for (let i = 0; i < x.length; i++) {
    const sector = sectorAt(shape, x[i], y ? y[i] : 0);
    if (sector >= 0) counts[sector]++;
  }
  return counts;
}

export function moved(shape: Shape, dx: number, dy: number): Shape {
  switch (shape.kind) {
    case 'rectangle':
      return { ...shape, x1: shape.x1 + dx, x2: shape.x2 + dx, y1: shape.y1 + dy, y2: shape.y2 + dy };
    case 'range':
      return { ...shape, x1: shape.x1 + dx, x2: shape.x2 + dx, y: limited(shape.y + dy) };
    case 'split':
      return { ...shape, x: shape.x + dx, y: limited(shape.y + dy) };
    case 'ellipse':
      return { ...shape, center: [shape.center[0] + dx, shape.center[1] + dy] };
    case 'polygon':
      return { ...shape, vertices: shape.vertices.map(([x, y]): Point => [x + dx, y + dy]) };
    case 'quadrant':
      return { ...shape, x: shape.x + dx, y: shape.y + dy };
  }
}

const limited = (y: number) => Math.min(0.97, Math.max(0.03, y));

export interface Handle {
  at: Point;
  name: string;
  /** Between two vertices: dragging it makes a new one. */
  isGhost?: boolean;
}

/** The points of a gate that are dragged; of range and split `y` is a height from 0 to 1. */
export function handlesOf(shape: Shape): Handle[] {
  switch (shape.kind) {
    case 'rectangle': {
      const { x1, x2, y1, y2 } = shape;
      const [mx, my] = [(x1 + x2) / 2, (y1 + y2) / 2];
      return ([['x1y1', x1, y1], ['x2y1', x2, y1], ['x2y2', x2, y2], ['x1y2', x1, y2], ['x1', x1, my], ['x2', x2, my], ['y1', mx, y1], ['y2', mx, y2]] as const).map(([name, x, y]) => ({ name, at: [x, y] }));
    }
    case 'range':
      return [{ name: 'x1', at: [shape.x1, shape.y] }, { name: 'x2', at: [shape.x2, shape.y] }];
    case 'split':
      return [{ name: 'x', at: [shape.x, shape.y] }];
    case 'ellipse': {
      const [cos, sin] = [Math.cos(shape.angle), Math.sin(shape.angle)];
      const [cx, cy] = shape.center;
      const [a, b] = [shape.major / 2, shape.minor / 2];
      return [
        { name: 'major+', at: [cx + a * cos, cy + a * sin] },
        { name: 'major-', at: [cx - a * cos, cy - a * sin] },
        { name: 'minor+', at: [cx - b * sin, cy + b * cos] },
        { name: 'minor-', at: [cx + b * sin, cy - b * cos] },
      ];
    }
    case 'polygon': {
      const { vertices } = shape;
      return [
        ...vertices.map((at, i): Handle => ({ name: `${i}`, at })),
        ...vertices.map(([x, y], i): Handle => {
          const [nx, ny] = vertices[(i + 1) % vertices.length];
          return { name: `after${i}`, at: [(x + nx) / 2, (y + ny) / 2], isGhost: true };
        }),
      ];
    }
    case 'quadrant':
      return [{ name: 'center', at: [shape.x, shape.y] }];
  }
}

/** The gate with one handle at another place. */
export function reshaped(shape: Shape, handle: string, [x, y]: Point): Shape {
  switch (shape.kind) {
    case 'rectangle': {
      const next = { ...shape };
      if (handle.includes('x1')) next.x1 = x;
      if (handle.includes('x2')) next.x2 = x;
      if (handle.includes('y1')) next.y1 = y;
      if (handle.includes('y2')) next.y2 = y;
      return next;
    }
    case 'range':
      return handle === 'x1' ? { ...shape, x1: x } : { ...shape, x2: x };
    case 'split':
      return { ...shape, x, y: limited(y) };
    case 'ellipse':
      return reshapedEllipse(shape, handle, [x, y]);
    case 'polygon': {
      const vertices = [...shape.vertices];
      const after = /^after(\d+)$/.exec(handle);
      if (after) vertices.splice(Number(after[1]) + 1, 0, [x, y]);
      else vertices[Number(handle)] = [x, y];
      return { ...shape, vertices };
    }
    case 'quadrant':
      return { ...shape, x, y };
  }
}

/** The end of an axis follows the pointer, its other end stays: length and angle change together. */
function reshapedEllipse(shape: Extract<Shape, { kind: 'ellipse' }>, handle: string, [x, y]: Point): Shape {
  const [cos, sin] = [Math.cos(shape.angle), Math.sin(shape.angle)];
  const [cx, cy] = shape.center;
  const along = handle.startsWith('major') ? shape.angle : shape.angle + Math.PI / 2;
  const sign = handle.endsWith('+') ? 1 : -1;
  if (handle.startsWith('minor')) {
    // the minor axis only grows and shrinks
    const distance = Math.abs((y - cy) * cos - (x - cx) * sin);
    return { ...shape, minor: Math.max(1e-12, 2 * distance) };
  }
  const half = shape.major / 2;
  const [fx, fy] = [cx - sign * half * Math.cos(along), cy - sign * half * Math.sin(along)];
  const angle = Math.atan2(sign * (y - fy), sign * (x - fx));
  return { ...shape, center: [(x + fx) / 2, (y + fy) / 2], angle, major: Math.max(1e-12, Math.hypot(x - fx, y - fy)) };
}

export function withoutVertex(shape: Shape, index: number): Shape {
  if (shape.kind !== 'polygon' || shape.vertices.length <= 3) return shape;
  return { ...shape, vertices: shape.vertices.filter((_, i) => i !== index) };
}
