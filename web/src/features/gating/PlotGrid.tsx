/** The plots of the population that is open, or the way to it: a plot for each gate above it. */

import { useCallback, useRef, useState } from 'react';
import type { Population } from '../../api/gating';
import { gatedAxes, gateOfGid, lineage } from '../../data/gating/tree';
import { firstAxes, nextAxes } from '../../data/gating/axes';
import { count } from '../../data/words';
import type { PlotMode, PlotSpec } from '../../state/gating/layout';
import { Button, Icon, Segments, type IconName } from '../../views/controls';
import { Popover } from '../../views/overlays';
import { Empty } from '../../views/states';
import type { GateTool } from '../../views/gating/GateLayer';
import { MARGIN } from '../../views/gating/PlotFrame';
import { PlotCard } from './PlotCard';
import type { GatingState } from './useGating';

const TOOLS: { tool: GateTool; label: string; icon: IconName }[] = [
  { tool: 'select', label: 'Select and drag (Esc)', icon: 'pointer' },
  { tool: 'polygon', label: 'Polygon (p)', icon: 'polygon' },
  { tool: 'rectangle', label: 'Rectangle (r)', icon: 'rectangle' },
  { tool: 'ellipse', label: 'Ellipse (e)', icon: 'ellipse' },
  { tool: 'range', label: 'Range (n)', icon: 'range' },
  { tool: 'quadrant', label: 'Quadrant (q)', icon: 'quadrant' },
  { tool: 'split', label: 'Split (s)', icon: 'halves' },
];

/** Names of the way that are spelled out; the tree has them all. */
const MOST_ABOVE = 2;
const SIZES = [240, 320, 440, 640];
const EVENTS = [10_000, 50_000, 200_000, 1_000_000];

/** Plots that somebody arranged for the population, else one for each pair of axes that is gated, else the first pair of the table. */
export function plotsOf(state: GatingState): PlotSpec[] {
  const kept = state.layout.plots[state.population?.id ?? ''];
  if (kept?.length) return kept;
  const { file } = state;
  if (!file) return [];
  const gated = gatedAxes(state.population?.id ?? null, state.populations, state.gatesHere);
  const first = state.population ? nextAxes(file.panel, file.table, shownAbove(state)) : firstAxes(file.panel, file.table);
  const axes = gated.length ? gated : first ? [first] : [];
  return axes.map((pair, i) => ({ id: i, x: pair.x, y: pair.y, mode: pair.y ? 'density' : 'histogram' }));
}

/** The axes that the population and those above it are gated by. */
function shownAbove(state: GatingState): { x: string; y: string }[] {
  const out: { x: string; y: string }[] = [];
  for (const p of lineage(state.populations, state.population).reverse()) {
    const gate = state.gatesHere.find((g) => g.gid === p.terminal_gid || g.sectors.some((s) => s.gid === p.terminal_gid));
    if (gate) out.push({ x: gate.x, y: gate.y });
  }
  return out;
}

interface Room {
  width: number;
  height: number;
}

/** The inner size of an element, which changes with the window. */
function useRoom(): [Room, (element: HTMLElement | null) => void] {
  const [room, setRoom] = useState<Room>({ width: 0, height: 0 });
  const observer = useRef<ResizeObserver | null>(null);
  const watch = useCallback((element: HTMLElement | null) => {
    observer.current?.disconnect();
    if (!element) return;
    observer.current = new ResizeObserver(([entry]) => setRoom({ width: Math.floor(entry.contentRect.width), height: Math.floor(entry.contentRect.height) }));
    observer.current.observe(element);
  }, []);
  return [room, watch];
}

/** A caption and a legend take so much of the height beside the plot and its axes. */
const CAPTION = 64;

/** A plot that stands alone grows to twice its size at most, where it would leave two thirds of the width empty. */
export function loneSide(size: number, { width, height }: Room): number {
  if (width < 3 * size) return size;
  return Math.max(size, Math.min(2 * size, height - MARGIN.top - MARGIN.bottom - CAPTION));
}

interface Props {
  state: GatingState;
  tool: GateTool;
  onTool: (tool: GateTool) => void;
  selected: string | null;
  onSelect: (id: string | null) => void;
  onRename: (id: string) => void;
}

export function PlotGrid({ state, tool, onTool, selected, onSelect, onRename }: Props) {
  const { layout, change, population, file } = state;
  const plots = plotsOf(state);
  const place = population?.id ?? '';
  const set = (next: PlotSpec[]) => change({ plots: { ...layout.plots, [place]: next } });
  const freshId = Math.max(-1, ...plots.map((p) => p.id)) + 1;
  const add = () => {
    const axes = file && (nextAxes(file.panel, file.table, plots) ?? plots[0]);
    if (axes) set([...plots, { id: freshId, x: axes.x, y: axes.y, mode: 'density' }]);
  };
  const way = lineage(state.populations, population);
  const showsWay = layout.way && population !== null;
  const [room, watch] = useRoom();
  const side = (showsWay ? way.length : plots.length) === 1 ? loneSide(layout.size, room) : layout.size;
  return (
    <>
      <div className="toolbar" role="toolbar" aria-label="Gates and plots">
        {state.mayEdit && (
          <div className="segments" role="group" aria-label="Gates to draw">
            {TOOLS.map(({ tool: kind, label, icon }) => (
              <button key={kind} type="button" className="button small icon" aria-pressed={tool === kind} aria-label={label} title={label} onClick={() => onTool(kind)}><Icon name={icon} /></button>
            ))}
          </div>
        )}
        {!showsWay && <Button small icon="plus" onClick={add}>Add plot</Button>}
        <Segments label="Which plots" value={layout.way ? 'way' : 'plots'} options={[{ value: 'plots', label: 'Its plots' }, { value: 'way', label: 'Way to it' }]} onChange={(next) => change({ way: next === 'way' })} />
        <nav className="grow small gating-path" aria-label="Populations above">
          <button type="button" className="link" onClick={() => state.go({ population: '' })}>{state.allName}</button>
          {way.length > MOST_ABOVE && <span title={way.map((p) => p.name).join(' › ')}>› …</span>}
          {way.slice(-MOST_ABOVE).map((p) => <span key={p.id}>› <button type="button" className="link" aria-current={p === population ? 'true' : undefined} onClick={() => state.go({ population: p.id })}>{p.name}</button></span>)}
        </nav>
        <CompensationSelect state={state} />
        <Popover label="How plots look" icon="more" small>
          {() => (
            <div className="stack">
              <label className="field"><span className="label">Size</span>
                <Segments label="Size of the plots" value={String(layout.size)} options={SIZES.map((s, i) => ({ value: String(s), label: ['S', 'M', 'L', 'XL'][i] }))} onChange={(s) => change({ size: Number(s) })} />
              </label>
              <label className="field"><span className="label">Colours of density</span>
                <Segments label="Colours of density" value={layout.palette} options={[{ value: 'hue', label: 'One hue' }, { value: 'viridis', label: 'Viridis' }]} onChange={(palette) => change({ palette })} />
              </label>
              <label className="field"><span className="label">Events drawn, at most</span>
                <select className="input small" value={layout.events} onChange={(e) => change({ events: Number(e.target.value) })}>
                  {EVENTS.map((n) => <option key={n} value={n}>{count(n)}</option>)}
                </select>
                <span className="help">Counts are always of all events.</span>
              </label>
              {layout.plots[place] && <Button small onClick={() => change({ plots: Object.fromEntries(Object.entries(layout.plots).filter(([id]) => id !== place)) })}>Plots as the gates have them</Button>}
            </div>
          )}
        </Popover>
      </div>
      <div className="plot-grid" ref={watch}>
        {showsWay && way.map((p, i) => <WayPlot key={p.id} state={state} side={side} above={way[i - 1] ?? null} child={p} tool={tool} onTool={onTool} selected={selected} onSelect={onSelect} onRename={onRename} />)}
        {!showsWay && plots.map((plot) => (
          <PlotCard
            key={`${place}/${plot.id}`} state={state} spec={plot} side={side} tool={tool} onTool={onTool} selected={selected} onSelect={onSelect} onRename={onRename}
            onSpec={(part) => set(plots.map((p) => (p.id === plot.id ? { ...p, ...part } : p)))}
            onCopy={() => set(plots.flatMap((p) => (p.id === plot.id ? [p, { ...p, id: freshId }] : [p])))}
            onRemove={() => set(plots.filter((p) => p.id !== plot.id))}
          />
        ))}
        {!showsWay && plots.length === 0 && <Empty title="No axes to show">This table has neither channels nor an embedding. Add a plot once it has.</Empty>}
      </div>
    </>
  );
}

/** A plot of a population above, with the gate that leads on and the events of the open population in its colour (backgating). */
function WayPlot({ state, above, child, ...rest }: Props & { side: number; above: Population | null; child: Population }) {
  const [mode, setMode] = useState<PlotMode>('density');
  const gate = gateOfGid(state.gatesHere, child.terminal_gid);
  if (!gate || !state.population) return null;
  const open = state.population.id;
  const overlaid = [...state.layout.overlaid.filter((id) => id !== open), open];
  const there: GatingState = { ...state, population: above, layout: { ...state.layout, overlaid } };
  return <PlotCard state={there} {...rest} spec={{ id: 0, x: gate.x, y: gate.y || gate.x, mode: gate.y ? mode : 'histogram' }} onSpec={(part) => part.mode && setMode(part.mode)} />;
}

function CompensationSelect({ state }: { state: GatingState }) {
  const { layout, change, compensations, files } = state;
  if (!files.some((f) => f.panel.length)) return null;
  return (
    <label className="control"><span>compensation</span>
      <select className="input small" value={layout.compensation} onChange={(e) => change({ compensation: e.target.value })}>
        <option value="own">as each file says</option>
        <option value="none">none</option>
        <option value="internal">of the file</option>
        {compensations.map((c) => <option key={c.id} value={c.id}>{c.name}</option>)}
      </select>
    </label>
  );
}
