/** Gates over a plot: drawn, selected, dragged, reshaped and opened with mouse, pen, finger or keys. */

import { useRef, useState, type KeyboardEvent, type MouseEvent, type PointerEvent } from 'react';
import { shapeFromClick, shapeFromDrag, simplified, toPixels, toPlaces, type Axes } from '../../data/gating/drawing';
import { isOneDimensional, moved, reshaped, withoutVertex, type GateKind, type Point, type Shape } from '../../data/gating/geometry';
import { placeLabels } from '../../data/gating/labels';
import { GateMark, widthOf } from './GateMark';
import { gateAt, partAt, type DrawnGate } from './hits';
import { Sketch, type Stroke } from './Sketch';

export type GateTool = 'select' | GateKind;

interface Props {
  label: string;
  axes: Axes;
  gates: DrawnGate[];
  selected: string | null;
  tool: GateTool;
  /** Whether gates may be changed. */
  mayEdit: boolean;
  onSelect: (id: string | null) => void;
  onDraw: (shape: Shape) => void;
  /** While a gate is dragged, with its shape of now; then once with null. */
  onPreview: (id: string, shape: Shape | null) => void;
  onReshape: (id: string, shape: Shape) => void;
  /** A small step by a key; many may follow at once. */
  onNudge: (id: string, shape: Shape) => void;
  /** No further step comes. */
  onSettle: () => void;
  onOpen: (id: string, sector: number) => void;
  onRename: (id: string) => void;
  onRemove: (id: string) => void;
  /** Percents while a gate is dragged; null = those of the gate. */
  livePercents: (id: string) => string[] | null;
}

interface Drag {
  id: string;
  handle: string | null;
  from: Point;
  before: Shape;
  now: Shape;
}

const MOVED = 3;
const CLOSE = 9;
const ROUGH = 2;

export function GateLayer(props: Props) {
  const { axes, gates, tool, selected } = props;
  const svg = useRef<SVGSVGElement>(null);
  const [stroke, setStroke] = useState<Stroke | null>(null);
  const [drag, setDrag] = useState<Drag | null>(null);
  const at = (event: { clientX: number; clientY: number }): Point => {
    const box = svg.current?.getBoundingClientRect();
    return [event.clientX - (box?.left ?? 0), event.clientY - (box?.top ?? 0)];
  };
  const placesOf = ([px, py]: Point, shape?: Shape): Point => (shape && isOneDimensional(shape.kind) ? [toPlaces(axes, px, py)[0], 1 - py / axes.height] : toPlaces(axes, px, py));
  const namedAt = (target: EventTarget) => {
    const name = target instanceof Element ? target.closest('.gate-name') : null;
    const gate = gates.find((g) => g.id === name?.closest('[data-gate]')?.getAttribute('data-gate'));
    return gate && { gate, sector: Number(name?.getAttribute('data-sector')) };
  };
  const finish = (pixels: Point[]) => {
    setStroke(null);
    const vertices = pixels.filter((p, i) => i === 0 || Math.hypot(p[0] - pixels[i - 1][0], p[1] - pixels[i - 1][1]) > 1);
    if (vertices.length >= 3) props.onDraw({ kind: 'polygon', vertices: vertices.map(([x, y]) => toPlaces(axes, x, y)) });
  };

  const down = (event: PointerEvent<SVGSVGElement>) => {
    if (event.button !== 0) return;
    const p = at(event);
    if (tool !== 'select') {
      svg.current?.setPointerCapture(event.pointerId);
      if (tool !== 'polygon' || !stroke) return setStroke({ kind: tool, points: [p], pointer: p, isDown: true });
      const [fx, fy] = stroke.points[0];
      if (stroke.points.length >= 3 && Math.hypot(p[0] - fx, p[1] - fy) <= CLOSE) return setStroke({ ...stroke, isClosing: true });
      return setStroke({ ...stroke, points: [...stroke.points, p], pointer: p });
    }
    const handle = event.target instanceof Element ? event.target.closest('[data-handle]')?.getAttribute('data-handle') ?? null : null;
    const under = handle ? gates.find((g) => g.id === selected) : gateAt(gates, axes, p);
    // a name may stand outside its gate: it selects, but does not drag
    const held = under ?? namedAt(event.target)?.gate;
    props.onSelect(held?.id ?? null);
    if (!held || !under || !props.mayEdit || held.locked) return;
    if (handle && event.altKey && /^\d+$/.test(handle)) return props.onReshape(held.id, withoutVertex(held.shape, Number(handle)));
    svg.current?.setPointerCapture(event.pointerId);
    setDrag({ id: held.id, handle, from: p, before: held.shape, now: held.shape });
  };

  const move = (event: PointerEvent<SVGSVGElement>) => {
    const p = at(event);
    if (stroke) {
      const isFree = stroke.kind === 'polygon' && stroke.isDown && (stroke.isFree || Math.hypot(p[0] - stroke.points[0][0], p[1] - stroke.points[0][1]) > 2 * MOVED);
      return setStroke({ ...stroke, pointer: p, isFree, points: isFree ? [...stroke.points, p] : stroke.points });
    }
    if (!drag) return;
    if (drag.now === drag.before && Math.hypot(p[0] - drag.from[0], p[1] - drag.from[1]) < MOVED) return;
    const [a, b] = [placesOf(drag.from, drag.before), placesOf(p, drag.before)];
    const now = drag.handle ? reshaped(drag.before, drag.handle, b) : moved(drag.before, b[0] - a[0], b[1] - a[1]);
    setDrag({ ...drag, now });
    props.onPreview(drag.id, now);
  };

  const up = (event: PointerEvent<SVGSVGElement>) => {
    const p = at(event);
    if (drag) {
      setDrag(null);
      props.onPreview(drag.id, null);
      if (drag.now !== drag.before) props.onReshape(drag.id, drag.now);
      return;
    }
    if (!stroke) return;
    if (stroke.kind === 'polygon') {
      if (stroke.isClosing) return finish(stroke.points);
      if (stroke.isFree) return finish(simplified(stroke.points, ROUGH));
      return setStroke({ ...stroke, isDown: false });
    }
    setStroke(null);
    const height = 1 - p[1] / axes.height;
    const from = stroke.points[0];
    const shape = shapeFromClick(stroke.kind, placesOf(p), height) ?? (Math.hypot(p[0] - from[0], p[1] - from[1]) > MOVED ? shapeFromDrag(stroke.kind, placesOf(from), placesOf(p), height) : null);
    if (shape) props.onDraw(shape);
  };

  const open = (event: MouseEvent) => {
    if (tool !== 'select') return;
    const hit = partAt(gates, axes, at(event)) ?? namedAt(event.target);
    if (hit) props.onOpen(hit.gate.id, hit.sector);
  };

  /** A gate in the middle of the plot, for those who do not use a pointer. */
  const drawByKey = () => {
    const [w, h] = [axes.width, axes.height];
    const corner = (x: number, y: number) => toPlaces(axes, x * w, y * h);
    if (tool === 'select') return;
    const shape = tool === 'polygon' ? ({ kind: 'polygon', vertices: [corner(0.3, 0.7), corner(0.7, 0.7), corner(0.7, 0.3), corner(0.3, 0.3)] } as Shape) : (shapeFromClick(tool, corner(0.5, 0.5), 0.5) ?? shapeFromDrag(tool, corner(0.3, 0.7), corner(0.7, 0.3), 0.5));
    if (shape) props.onDraw(shape);
  };

  const rootKey = (event: KeyboardEvent) => {
    if (event.key === 'Escape' && (stroke || drag)) {
      event.stopPropagation();
      if (drag) props.onPreview(drag.id, null);
      setStroke(null);
      setDrag(null);
    } else if (event.key === 'Enter' && event.target === svg.current) {
      event.preventDefault();
      if (stroke?.kind === 'polygon') finish(stroke.points);
      else drawByKey();
    }
  };

  const gateKey = (gate: DrawnGate) => (event: KeyboardEvent) => {
    const step = ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] } as Record<string, Point>)[event.key];
    const change = props.mayEdit && !gate.locked;
    if (event.key === 'Enter') props.onOpen(gate.id, 0);
    else if (event.key === 'F2' && change) props.onRename(gate.id);
    else if ((event.key === 'Delete' || event.key === 'Backspace') && change) props.onRemove(gate.id);
    else if (step && change) {
      const far = event.shiftKey ? 10 : 1;
      const [a, b] = [placesOf([0, 0], gate.shape), placesOf([step[0] * far, step[1] * far], gate.shape)];
      props.onNudge(gate.id, moved(gate.shape, b[0] - a[0], b[1] - a[1]));
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const shapes = gates.map((gate) => (drag?.id === gate.id ? drag.now : gate.shape));
  const places = placeLabels(gates.map((g, i) => ({ shape: shapes[i], width: widthOf(g.names, g.percents), fixed: g.labels?.length === 1 ? toPixels(axes, ...g.labels[0]) : undefined })), axes);

  return (
    <svg
      ref={svg} className={tool === 'select' ? 'gate-layer' : 'gate-layer drawing'} width={axes.width} height={axes.height} role="group" aria-label={props.label} tabIndex={0}
      onPointerDown={down} onPointerMove={move} onPointerUp={up} onPointerCancel={() => { setStroke(null); setDrag(null); }} onDoubleClick={(event) => (stroke?.kind === 'polygon' ? finish(stroke.points) : open(event))} onKeyDown={rootKey}
    >
      <rect width={axes.width} height={axes.height} fill="transparent" />
      {gates.map((gate, i) => (
        <GateMark key={gate.id} gate={gate} shape={shapes[i]} place={places[i]} percents={props.livePercents(gate.id) ?? gate.percents} axes={axes} selected={gate.id === selected} onFocus={() => gate.id !== selected && props.onSelect(gate.id)} onBlur={props.onSettle} onKey={gateKey(gate)} />
      ))}
      {stroke && <Sketch stroke={stroke} axes={axes} />}
    </svg>
  );
}

