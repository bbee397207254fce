/** The gate that is being drawn. */

import { pathsOf, shapeFromClick, shapeFromDrag, toPlaces, type Axes } from '../../data/gating/drawing';
import type { GateKind, Point } from '../../data/gating/geometry';

export interface Stroke {
  kind: GateKind;
  /** In pixels. */
  points: Point[];
  pointer: Point;
  isDown: boolean;
  /** Drawn by hand, not corner by corner. */
  isFree?: boolean;
  /** The pointer is back at the first corner: when it is let go, the polygon is done. */
  isClosing?: boolean;
}

export function Sketch({ stroke, axes }: { stroke: Stroke; axes: Axes }) {
  const { kind, points, pointer } = stroke;
  if (kind === 'polygon') {
    const line = [...points, pointer].map(([x, y]) => `${x},${y}`).join('L');
    return (
      <g className="sketch">
        <path d={`M${line}`} />
        {!stroke.isFree && points.map(([x, y], i) => <circle key={i} cx={x} cy={y} r={i === 0 ? 5 : 3} />)}
      </g>
    );
  }
  const height = 1 - pointer[1] / axes.height;
  const at = ([x, y]: Point) => toPlaces(axes, x, y);
  const shape = shapeFromClick(kind, at(pointer), height) ?? shapeFromDrag(kind, at(points[0]), at(pointer), height);
  if (!shape) return null;
  const { area, lines } = pathsOf(shape, axes);
  return <g className="sketch"><path d={area + lines} /></g>;
}
