/** A gate on an axis whose scale is another now: each point goes where its value goes, as the server re-fits gates. */

import type { Point, Shape } from './geometry';
import type { Scale } from './scales';

export interface ScalePair {
  from: Scale;
  to: Scale;
}

export function refitted(shape: Shape, x: ScalePair, y: ScalePair): Shape {
  const fx = (v: number) => (x.from === x.to ? v : x.to.unlimited(x.from.inverse(v)));
  const fy = (v: number) => (y.from === y.to ? v : y.to.unlimited(y.from.inverse(v)));
  const point = ([px, py]: Point): Point => [fx(px), fy(py)];
  switch (shape.kind) {
    case 'rectangle':
      return { ...shape, x1: fx(shape.x1), x2: fx(shape.x2), y1: fy(shape.y1), y2: fy(shape.y2) };
    case 'polygon':
      return { ...shape, vertices: shape.vertices.map(point) };
    case 'range':
      return { ...shape, x1: fx(shape.x1), x2: fx(shape.x2) };
    case 'split':
      return { ...shape, x: fx(shape.x) };
    case 'quadrant':
      return { ...shape, x: fx(shape.x), y: fy(shape.y) };
    case 'ellipse': {
      // by the ends of its axes: between them it is an ellipse only nearly
      const [cos, sin] = [Math.cos(shape.angle), Math.sin(shape.angle)];
      const end = (half: number, u: number, v: number) => point([shape.center[0] + half * u, shape.center[1] + half * v]);
      const [a, b] = [end(shape.major / 2, cos, sin), end(-shape.major / 2, cos, sin)];
      const [c, d] = [end(shape.minor / 2, -sin, cos), end(-shape.minor / 2, -sin, cos)];
      return { ...shape, center: [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2], angle: Math.atan2(a[1] - b[1], a[0] - b[0]), major: Math.hypot(a[0] - b[0], a[1] - b[1]), minor: Math.hypot(c[0] - d[0], c[1] - d[1]) };
    }
  }
}
