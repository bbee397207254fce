/** One gate on a plot: its lines, its names with percent, and its handles while it is selected. */

import type { KeyboardEvent } from 'react';
import { labelsOf, pathsOf, toPixels, type Axes } from '../../data/gating/drawing';
import { handlesOf, isOneDimensional, type Point, type Shape } from '../../data/gating/geometry';
import { BOLDER } from '../../render/figure/parts';
import { roomOf } from '../../render/figure/widths';
import type { DrawnGate } from './hits';

interface Props {
  gate: DrawnGate;
  /** While it is dragged, the shape under the pointer. */
  shape: Shape;
  percents: string[];
  axes: Axes;
  selected: boolean;
  /** Where its name stands; null = where the kind of gate has it. */
  place: Point | null;
  onFocus: () => void;
  onBlur: () => void;
  onKey: (event: KeyboardEvent) => void;
}

const SIZE = 11.5;

/** How wide the name of a gate with its percent is. */
export const widthOf = (names: string[], percents: string[]) => Math.max(...names.map((name, i) => Math.max(roomOf(name, SIZE), roomOf(percents[i] ?? '', SIZE)))) + 6;

/** Handles of range and split stand at a height from 0 to 1 of the plot. */
export const handlePixels = (shape: Shape, at: Point, axes: Axes): Point =>
  isOneDimensional(shape.kind) ? [toPixels(axes, at[0], 0)[0], axes.height * (1 - at[1])] : toPixels(axes, at[0], at[1]);

/** A padlock stands left of the first name. */
const lockShift = (name: string, shape: Shape) => -(roomOf(name, SIZE) * BOLDER * (shape.kind === 'quadrant' ? 1 : 0.5)) - 9;

export function GateMark({ gate, shape, percents, axes, selected, place, onFocus, onBlur, onKey }: Props) {
  const { area, lines } = pathsOf(shape, axes);
  const places = gate.labels?.length === gate.names.length ? gate.labels.map(([x, y]) => toPixels(axes, x, y)) : place ? [place] : labelsOf(shape, axes);
  const said = gate.names.map((name, i) => `${name} ${percents[i] ?? ''}`.trim()).join(', ');
  const look = ['gate', selected && 'selected', gate.locked && 'locked', gate.isOwn && 'own'].filter(Boolean).join(' ');
  return (
    <g className={look} role="group" aria-roledescription="gate" tabIndex={0} aria-label={`Gate ${said}${gate.isOwn ? ', of this file alone' : ''}${gate.locked ? ', locked' : ''}`} aria-current={selected} data-gate={gate.id} onFocus={onFocus} onBlur={onBlur} onKeyDown={onKey}>
      {area && <path className="gate-area" d={area} />}
      {lines && <path className="gate-hit" d={lines} />}
      {lines && <path className="gate-line" d={lines} />}
      {gate.names.map((name, i) => {
        const percent = percents[i] ?? '';
        const corner = shape.kind === 'quadrant' ? (i === 0 || i === 3 ? 'end' : 'start') : 'middle';
        const room = Math.max(roomOf(name, SIZE), roomOf(percent, SIZE)) / 2 + 3;
        const [px, py] = places[i] ?? [0, 0];
        const x = corner === 'middle' ? Math.min(axes.width - room, Math.max(room, px)) : px;
        const lower = shape.kind === 'quadrant' ? i > 1 : py > 26;
        return (
          <text key={i} className="gate-name" data-sector={i} textAnchor={corner} fontSize={SIZE}>
            <tspan x={x} y={lower ? py - 13 : py}>{name}</tspan>
            <tspan x={x} y={lower ? py : py + 13} className="gate-percent">{percent}</tspan>
          </text>
        );
      })}
      {gate.locked && places[0] && <path className="gate-lock" d="M-4 -1h8v6h-8zM-2.5 -1v-2.2c0 -3.2 5 -3.2 5 0V-1" transform={`translate(${places[0][0] + lockShift(gate.names[0], shape)} ${places[0][1] - (shape.kind === 'quadrant' || places[0][1] <= 26 ? 5 : 18)})`} />}
      {selected && !gate.locked && handlesOf(shape).map((handle) => {
        const [x, y] = handlePixels(shape, handle.at, axes);
        return handle.isGhost
          ? <circle key={handle.name} className="handle ghost" cx={x} cy={y} r={3} data-handle={handle.name} />
          : <rect key={handle.name} className="handle" x={x - 4} y={y - 4} width={8} height={8} data-handle={handle.name} />;
      })}
    </g>
  );
}
