/** One plot of the open population: its events, its gates, what is laid over it, its menu. */

import { useQueries, useQuery } from '@tanstack/react-query';
import { useCallback, useMemo, useState } from 'react';
import type { Gate } from '../../api/gating';
import { axisLabel } from '../../data/gating/axes';
import { countSectors, geometryOf, isOneDimensional, shapeOf, type Point, type Shape } from '../../data/gating/geometry';
import { refitted } from '../../data/gating/refit';
import { place, scaleOf } from '../../data/gating/scales';
import { axisTicks } from '../../data/gating/ticks';
import { gateOfGid, madeBy, percentText } from '../../data/gating/tree';
import { count, embeddingTitle } from '../../data/words';
import { curveOver } from '../../data/gating/raster';
import { thinned } from '../../data/columns';
import { paintContours, paintDensity, paintDots, paintHistograms, paintOverlays, type Overlay, type PaintLook } from '../../render/gating/paint';
import { nudgeGate, nudgeStore, removeGate, reshapeGate, settleNudges } from '../../state/gating/actions';
import type { PlotMode, PlotSpec } from '../../state/gating/layout';
import { eventsQuery, NO_SOURCE } from '../../state/gating/queries';
import { useStore } from '../../state/store';
import { shownTheme } from '../../state/theme';
import { GateLayer, type GateTool } from '../../views/gating/GateLayer';
import type { DrawnGate } from '../../views/gating/hits';
import { MARGIN, PlotFrame } from '../../views/gating/PlotFrame';
import { ErrorNote } from '../../views/states';
import { AxisMenu } from './AxisMenu';
import { NameBox } from './NameBox';
import { PlotMenu } from './PlotMenu';
import { missingChannel } from './ordering';
import { overlayColor } from './PopulationTree';
import { useAxisEnds } from './useAxisEnds';
import type { GatingState } from './useGating';

interface Props {
  state: GatingState;
  spec: PlotSpec;
  /** Pixels, of its width and height. */
  side: number;
  tool: GateTool;
  onTool: (tool: GateTool) => void;
  selected: string | null;
  onSelect: (id: string | null) => void;
  onRename: (id: string) => void;
  onSpec: (part: Partial<PlotSpec>) => void;
  /** Left out where plots are not arranged by hand. */
  onCopy?: () => void;
  onRemove?: () => void;
}

const BINS = 256;
const SMOOTH = 2;
/** The share of the height that a curve may fill. */
const ROOM = 0.92;
const SHARES = [0, 0.25, 0.5, 0.75, 1].map((share) => ({ at: share * ROOM, label: `${100 * share}`, power: null, major: true }));
/** Events that are counted at each step of a drag. */
const COUNTED_LIVE = 50_000;
const MODES: { value: PlotMode; label: string }[] = [
  { value: 'density', label: 'Density' },
  { value: 'dots', label: 'Dots' },
  { value: 'contour', label: 'Contours' },
  { value: 'histogram', label: 'Histogram' },
];

/** The gates of the population's plot on these axes: those that make a child of it, and those that make nothing anywhere. */
function gatesOn(state: GatingState, spec: PlotSpec): Gate[] {
  const { populations, population } = state;
  const isFlat = spec.mode === 'histogram';
  return state.gatesHere.filter((gate) => {
    const fits = isOneDimensional(gate.kind) ? gate.x === spec.x : !isFlat && gate.x === spec.x && gate.y === spec.y;
    if (!fits) return false;
    if (madeBy(gate, populations, population?.id ?? null).some((p) => p !== null)) return true;
    return !populations.some((p) => gateOfGid([gate], p.terminal_gid));
  });
}

export function PlotCard({ state, spec, side, tool, onTool, selected, onSelect, onRename, onSpec, onCopy, onRemove }: Props) {
  const { layout, file, population, mayEdit } = state;
  const [draft, setDraft] = useState<Shape | null>(null);
  const [preview, setPreview] = useState<{ id: string; shape: Shape } | null>(null);
  const onDark = useStore(shownTheme) === 'dark';
  const nudged = useStore(nudgeStore)?.gate.gid ?? '';
  const isFlat = spec.mode === 'histogram';
  const ends = useAxisEnds(state, spec.x, isFlat ? '' : spec.y);
  const asked = { axes: isFlat || spec.x === spec.y ? [spec.x] : [spec.x, spec.y], population: population?.id ?? null, compensation: layout.compensation, n: layout.events };
  const missing = file ? missingChannel(file, isFlat ? [spec.x] : [spec.x, spec.y]) : '';
  const query = useQuery({ ...eventsQuery(file ? state.sourceOf(file, population) : NO_SOURCE, asked), enabled: file !== null && !missing });
  const overlaid = layout.overlaid.map((id) => state.populations.find((p) => p.id === id)).filter((p) => p !== undefined && p.id !== population?.id).map((p) => p!);
  const over = useQueries({
    queries: overlaid.map((p) => ({ ...eventsQuery(file ? state.sourceOf(file, p) : NO_SOURCE, { ...asked, population: p.id }), enabled: file !== null && !missing })),
  });
  const axes = useMemo(() => ({ x: ends.x, y: isFlat ? ([0, 1] as Point) : ends.y, width: side, height: side }), [ends.x, ends.y, isFlat, side]);
  const [scaleX, scaleY] = [state.scaleFor(spec.x), state.scaleFor(spec.y)];
  const cloud = useMemo(() => {
    const [x, y] = [query.data?.axes.get(spec.x), isFlat ? undefined : query.data?.axes.get(spec.y)];
    if (!x) return null;
    const px = place(scaleX, x);
    return { x: px, y: y ? place(scaleY, y) : px };
  }, [query.data, spec.x, spec.y, isFlat, scaleX, scaleY]);
  const overlays: Overlay[] = [];
  over.forEach(({ data }, i) => {
    const [x, y] = [data?.axes.get(spec.x), isFlat ? data?.axes.get(spec.x) : data?.axes.get(spec.y)];
    if (x && y) overlays.push({ x: place(scaleX, x), y: isFlat ? x : place(scaleY, y), color: overlayColor(state, overlaid[i].id) });
  });
  const overlayKey = over.map((o, i) => `${overlaid[i].id}${o.dataUpdatedAt}`).join(' ');
  const paint = useCallback(
    (canvas: HTMLCanvasElement) => {
      const look: PaintLook = { dark: onDark, palette: layout.palette, ratio: window.devicePixelRatio || 1 };
      const all = cloud ?? { x: new Float32Array(0), y: new Float32Array(0) };
      if (isFlat) {
        const curves = [{ ...all, color: onDark ? '#8fb3c2' : '#3f6b80' }, ...overlays].map(({ x, color }) => {
          const heights = curveOver(x, axes.x, BINS, SMOOTH);
          const top = heights.reduce((a, v) => Math.max(a, v), 0) || 1;
          return { heights: heights.map((v) => v / top), color, lift: 0 };
        });
        return paintHistograms(canvas, curves, axes, ROOM, look);
      }
      if (spec.mode === 'dots') paintDots(canvas, all, axes, look);
      else if (spec.mode === 'contour') paintContours(canvas, all, axes, look);
      else paintDensity(canvas, all, axes, look);
      paintOverlays(canvas, overlays, axes, look);
    },
    // the overlays are made anew at each drawing: their key says when they are others
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [cloud, axes, onDark, layout.palette, spec.mode, isFlat, overlayKey, scaleX, scaleY],
  );
  const gates = useMemo(() => gatesOn(state, spec), [state, spec]);
  // fewer, so that percents keep up with the pointer; the server counts all events when it is let go
  const few = useMemo(() => (cloud ? { x: thinned(cloud.x, COUNTED_LIVE), y: thinned(cloud.y, COUNTED_LIVE) } : null), [cloud]);
  const percentsOf = (shape: Shape) => (few ? countSectors(shape, few.x, isOneDimensional(shape.kind) ? null : few.y).map((n) => percentText(n, few.x.length)) : []);
  const whole = population ? state.counts.get(population.id)?.n_events : (state.counts.get('')?.n_events ?? file?.table.n_cells);
  const isTried = (reference: string) => reference in state.draftScales;
  const keptScale = (reference: string) => scaleOf(state.scaleSet?.scales[reference]);
  const pair = {
    x: { from: isTried(spec.x) ? keptScale(spec.x) : scaleX, to: scaleX },
    y: { from: isTried(spec.y) ? keptScale(spec.y) : scaleY, to: scaleY },
  };
  const drawn = gates.map((gate): DrawnGate => {
    const made = madeBy(gate, state.populations, population?.id ?? null);
    const shape = refitted(shapeOf(gate.kind, gate.geometry), pair.x, pair.y);
    const counted = made.map((p) => (p ? state.counts.get(p.id)?.n_events : null));
    return {
      id: gate.gid,
      shape,
      names: gate.sectors.length ? gate.sectors.map((s, i) => made[i]?.name ?? s.name) : [made[0]?.name ?? gate.name],
      percents: nudged === gate.gid || counted.some((n) => n == null) ? percentsOf(shape) : counted.map((n) => percentText(n, whole)),
      locked: gate.locked || (file?.dataset.gates_locked === true && (gate.tailored || gate.dataset_id !== null)),
      isOwn: gate.dataset_id !== null,
      labels: Array.isArray(gate.extra.labels) ? (gate.extra.labels as Point[]) : undefined,
    };
  });
  const openGate = (id: string, sector: number) => {
    const gate = gates.find((g) => g.gid === id);
    const made = gate && madeBy(gate, state.populations, population?.id ?? null)[sector];
    if (made) state.go({ population: made.id });
  };
  const gateById = (id: string) => gates.find((g) => g.gid === id);
  const info = (reference: string, of: 'x' | 'y') => ({
    ...axisLabel(reference, file?.panel ?? [], embeddingTitle),
    ticks: axisTicks(of === 'x' ? scaleX : scaleY, axes[of][0], axes[of][1], side < 300 ? 5 : 6),
    menu: (close: () => void) => <AxisMenu state={state} reference={reference} onTake={(next) => { onSpec({ [of]: next }); close(); }} />,
  });
  const title = population?.name ?? state.allName;
  const [xName, yName] = [axisLabel(spec.x, file?.panel ?? [], embeddingTitle).label, axisLabel(spec.y, file?.panel ?? [], embeddingTitle).label];
  return (
    <figure className="plot-card" style={{ width: side + MARGIN.left + MARGIN.right + 2 }} data-x={spec.x} data-y={spec.y} data-drawn={cloud ? cloud.x.length : undefined} aria-busy={query.isFetching}>
      <figcaption>
        <span className="cut grow"><strong>{title}</strong> <span className="muted">{count(whole)}</span></span>
        <select className="input small" aria-label="Kind of plot" value={spec.mode} onChange={(e) => onSpec({ mode: e.target.value as PlotMode, ...(spec.y ? {} : { y: spec.x }) })}>
          {MODES.map((m) => <option key={m.value} value={m.value}>{m.label}</option>)}
        </select>
        <PlotMenu state={state} spec={spec} onSpec={onSpec} onCopy={onCopy} onRemove={onRemove} />
      </figcaption>
      {overlaid.length > 0 && (
        <div className="plot-legend" role="group" aria-label="Laid over">
          {overlaid.map((p) => <span key={p.id} className="cut small" title={p.name}><span className="dot" style={{ background: overlayColor(state, p.id) }} />{p.name}</span>)}
        </div>
      )}
      <PlotFrame axes={axes} x={info(spec.x, 'x')} y={isFlat ? { label: 'Events, % of the highest', side: '', ticks: SHARES, menu: null } : info(spec.y, 'y')} paint={paint} busy={query.isFetching}>
        <GateLayer
          label={`${title} on ${isFlat ? xName : `${xName} and ${yName}`}: ${drawn.length} gates. Choose a tool and press Enter to draw in the middle.`}
          axes={axes} gates={drawn} selected={selected} tool={isFlat && tool !== 'select' && !isOneDimensional(tool) ? 'range' : tool} mayEdit={mayEdit}
          onSelect={onSelect} onDraw={(shape) => { setDraft(shape); onTool('select'); }}
          onPreview={(id, shape) => setPreview(shape && { id, shape })}
          livePercents={(id) => (preview?.id === id ? percentsOf(preview.shape) : null)}
          onReshape={(id, shape) => { const gate = gateById(id); if (gate && file) void reshapeGate(gate, geometryOf(shape), file.dataset.id); }}
          onNudge={(id, shape) => { const gate = gateById(id); if (gate && file) nudgeGate({ gate, geometry: geometryOf(shape), datasetId: file.dataset.id }); }}
          onSettle={() => void settleNudges()}
          onOpen={openGate} onRename={onRename}
          onRemove={(id) => { const gate = gateById(id); if (gate) { onSelect(null); void removeGate(gate, madeBy(gate, state.populations, population?.id ?? null).filter((p) => p !== null)); } }}
        />
        {missing && <p className="plot-note muted">This file has no channel {missing}</p>}
        {cloud?.x.length === 0 && <p className="plot-note muted">No events</p>}
        {draft && <NameBox state={state} shape={draft} axes={axes} x={spec.x} y={isOneDimensional(draft.kind) ? '' : spec.y} percents={percentsOf(draft)} onClose={() => setDraft(null)} onMade={onSelect} />}
      </PlotFrame>
      {query.error && <ErrorNote error={query.error} />}
    </figure>
  );
}
