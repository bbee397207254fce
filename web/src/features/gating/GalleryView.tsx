/** One plot of the open population over all files, sorted and grouped as the list of files is. */

import type { CountRow } from '../../api/gating';
import { getPlotSheet } from '../../api/plots';
import { saveBlob } from '../../render/figure/save';
import { tellError } from '../../state/notices';
import { useQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { axisLabel } from '../../data/gating/axes';
import { curveOver } from '../../data/gating/raster';
import { isOneDimensional, shapeOf } from '../../data/gating/geometry';
import { labelsOf, pathsOf } from '../../data/gating/drawing';
import { place } from '../../data/gating/scales';
import { axisTicks } from '../../data/gating/ticks';
import { gatesFor, madeBy, percentText } from '../../data/gating/tree';
import { OKABE_ITO, SET_24 } from '../../data/colors';
import { count, embeddingTitle, plural } from '../../data/words';
import { paintDensity, paintHistograms } from '../../render/gating/paint';
import { eventsQuery, useCounts } from '../../state/gating/queries';
import { useStore } from '../../state/store';
import { shownTheme } from '../../state/theme';
import { useViewState } from '../../state/viewState';
import { Button, Segments } from '../../views/controls';
import { FileName } from '../../views/FileName';
import { Popover } from '../../views/overlays';
import { MARGIN, PlotFrame } from '../../views/gating/PlotFrame';
import { AxisMenu } from './AxisMenu';
import { HistogramOverlay } from './HistogramOverlay';
import { axesIn, groupFiles, groupings, lackingWords, sortFiles } from './ordering';
import { plotsOf } from './PlotGrid';
import { useAxisEnds } from './useAxisEnds';
import type { GatedFile, GatingState } from './useGating';

const SIZES = { S: 110, M: 144, L: 230 } as const;
const FORMATS = [['png', 'PNG picture'], ['svg', 'SVG drawing'], ['pdf', 'PDF page']] as const;
const EVENTS = 20_000;
/** `home`: the file whose channels x and y are; in the others they are found by reagent. */
const INITIAL = { x: '', y: '', home: '', mode: 'density', size: 'M' };
type Mode = 'density' | 'histogram' | 'overlay';
type Size = keyof typeof SIZES;

export function GalleryView({ state }: { state: GatingState }) {
  const first = plotsOf(state)[0];
  const [kept, change] = useViewState('gallery', INITIAL);
  const home = (kept.x || kept.y ? state.files.find((f) => f.key === kept.home) : null) ?? state.file;
  const spec = { x: kept.x || first?.x || '', y: kept.y || first?.y || '' };
  const mode = kept.mode as Mode;
  const size = (kept.size in SIZES ? kept.size : 'M') as Size;
  const { sortBy, groupBy } = state.layout;
  const asked = mode === 'density' ? [spec.x, spec.y] : [spec.x];
  const placed = new Map(state.files.map((f) => [f.key, axesIn(f, asked, home)]));
  const lackingOf = (reference: string) => state.files.flatMap((file) => {
    const found = placed.get(file.key);
    return found && found.lacks === reference ? [{ file, among: found.among }] : [];
  });
  const shown = state.files.filter((f) => !placed.get(f.key)?.lacks);
  const groups = groupFiles(sortFiles(shown, sortBy), groupBy);
  const counts = useCounts(state.study.id, [...new Set(state.files.map((f) => f.dataset.id))], '', state.layout.compensation, state.token).data ?? [];
  const label = (reference: string) => axisLabel(reference, home?.panel ?? [], embeddingTitle).label;
  const take = (of: 'x' | 'y', reference: string) => {
    // the menu has the channels of the open file; so is the other axis from now on
    const [x, y] = state.file ? axesIn(state.file, [spec.x, spec.y], home).axes : [spec.x, spec.y];
    change({ x, y, [of]: reference, home: state.file?.key ?? '' });
  };
  const axis = (of: 'x' | 'y', name: string) => (
    <Popover label={`${name} axis: ${label(spec[of])}`} text={<><span className="hidden-label">{name} axis: </span>{label(spec[of])}</>} small left>
      {(close) => <AxisMenu state={state} reference={spec[of]} onTake={(reference) => { take(of, reference); close(); }} />}
    </Popover>
  );
  if (!spec.x) return <p className="muted">This table has no axes to show.</p>;
  return (
    <>
      <div className="toolbar" role="toolbar" aria-label="Gallery">
        <Segments label="Kind of plots" value={mode} options={[{ value: 'density', label: 'Density' }, { value: 'histogram', label: 'Histograms' }, { value: 'overlay', label: 'Overlay' }]} onChange={(next) => change({ mode: next })} />
        {axis('x', 'Horizontal')}
        {mode === 'density' && <><span className="muted small">and</span>{axis('y', 'Vertical')}</>}
        <span className="grow cut muted small">{state.population?.name ?? state.allName} in {plural(shown.length, 'file', 'files')}</span>
        {mode !== 'overlay' && (
          <>
            <label className="control"><span>sort</span>
              <select className="input small" aria-label="Sort plots by" value={sortBy} onChange={(e) => state.change({ sortBy: e.target.value })}>
                <option value="name">name</option>
                <option value="events">events</option>
                {state.attributes.map((name) => <option key={name} value={`@${name}`}>{name}</option>)}
              </select>
            </label>
            <label className="control"><span>group</span>
              <select className="input small" aria-label="Group plots by" value={groupBy} onChange={(e) => state.change({ groupBy: e.target.value })}>
                <option value="">nothing</option>
                {groupings(state.files, state.attributes).map(({ id, title }) => <option key={id} value={id}>{title}</option>)}
              </select>
            </label>
            <Segments label="Size of the plots" value={size} options={(Object.keys(SIZES) as Size[]).map((s) => ({ value: s, label: s }))} onChange={(next) => change({ size: next })} />
            {shown.length > 0 && <SheetMenu state={state} home={home} files={groups.flatMap((g) => g.files)} x={spec.x} y={mode === 'density' ? spec.y : ''} />}
          </>
        )}
      </div>
      {mode === 'overlay' ? (
        <HistogramOverlay state={state} x={spec.x} home={home} />
      ) : (
        <div className="gallery">
          {[...new Set(asked)].flatMap((reference) => lackingWords(label(reference), lackingOf(reference)).map(({ text, title }) => <p key={text} className="small muted lacking" title={title}>{text}</p>))}
          {groups.map((group) => (
            <section key={group.name} aria-label={group.name || 'All files'}>
              {group.name && <h3>{group.name} <span className="muted small">{plural(group.files.length, 'file', 'files')}</span></h3>}
              <div className="plot-grid small">
                {group.files.map((file) => (
                  <GalleryPlot key={file.key} state={state} file={file} x={placed.get(file.key)?.axes[0] ?? ''} y={placed.get(file.key)?.axes[1] ?? ''} side={SIZES[size]} counts={counts.filter((row) => row.dataset_id === file.dataset.id)} />
                ))}
              </div>
            </section>
          ))}
        </div>
      )}
    </>
  );
}

/** All plots on one sheet, as the server draws them. */
function SheetMenu({ state, home, files, x, y }: { state: GatingState; home: GatedFile | null; files: GatedFile[]; x: string; y: string }) {
  const [busy, setBusy] = useState(false);
  const save = async (format: (typeof FORMATS)[number][0]) => {
    setBusy(true);
    const plot = { kind: y ? 'density' : 'histogram', x, y, population: state.population?.id ?? null, compensation: state.layout.compensation };
    await getPlotSheet(state.study.id, { plots: [plot], dataset_ids: [...new Set(files.map((f) => f.dataset.id))], reagents_of: home?.dataset.id, format }).then((blob) => saveBlob(blob, `${state.study.name}, ${state.population?.name ?? state.allName}.${format}`), tellError);
    setBusy(false);
  };
  return (
    <Popover label="Save all plots on one sheet" text={busy ? 'Drawing…' : 'Save'} icon="download" small menu>
      {(close) => FORMATS.map(([format, title]) => <Button key={format} small look="plain" onClick={() => { close(); void save(format); }}>{title}</Button>)}
    </Popover>
  );
}

/** Whether an element was in sight once: pictures far below are not asked for. */
export function useSeen(): [(element: HTMLElement | null) => void, boolean] {
  const [seen, setSeen] = useState(false);
  const observer = useRef<IntersectionObserver | null>(null);
  useEffect(() => () => observer.current?.disconnect(), []);
  const watch = useCallback((element: HTMLElement | null) => {
    observer.current?.disconnect();
    if (!element) return;
    observer.current = new IntersectionObserver((entries) => entries.some((e) => e.isIntersecting) && setSeen(true), { rootMargin: '200px' });
    observer.current.observe(element);
  }, []);
  return [watch, seen];
}

interface PlotProps {
  state: GatingState;
  file: GatedFile;
  x: string;
  y: string;
  side: number;
  /** Of this file. */
  counts: CountRow[];
}

function GalleryPlot({ state, file, x, y, side, counts }: PlotProps) {
  const [watch, seen] = useSeen();
  const onDark = useStore(shownTheme) === 'dark';
  const { population, layout } = state;
  const ends = useAxisEnds(state, x, y, seen ? file : null);
  const asked = { axes: y && y !== x ? [x, y] : [x], population: population?.id ?? null, compensation: layout.compensation, n: EVENTS };
  const query = useQuery({ ...eventsQuery(state.sourceOf(file, population), asked), enabled: seen, retry: false });
  const axes = useMemo(() => ({ x: ends.x, y: y ? ends.y : ([0, 1] as [number, number]), width: side, height: side }), [ends, y, side]);
  const counted = (id: string | null) => counts.find((row) => (row.population_id ?? '') === (id ?? ''))?.n_events ?? null;
  const total = counted(population?.id ?? null);
  const share = percentText(total, counted(population?.parent_id ?? null) ?? file.table.n_cells);
  const [scaleX, scaleY] = [state.scaleFor(x), state.scaleFor(y)];
  const paint = useCallback(
    (canvas: HTMLCanvasElement) => {
      const look = { dark: onDark, palette: layout.palette, ratio: window.devicePixelRatio || 1 };
      const [a, b] = [query.data?.axes.get(x), query.data?.axes.get(y)];
      const px = place(scaleX, a ?? new Float32Array(0));
      if (y) return paintDensity(canvas, { x: px, y: place(scaleY, b ?? a ?? new Float32Array(0)) }, axes, look);
      const heights = curveOver(px, axes.x, 128, 1.5);
      const top = heights.reduce((m, v) => Math.max(m, v), 0) || 1;
      paintHistograms(canvas, [{ heights: heights.map((v) => v / top), color: onDark ? '#8fb3c2' : '#3f6b80', lift: 0 }], axes, 0.92, look);
    },
    [query.data, x, y, scaleX, scaleY, axes, onDark, layout.palette],
  );
  const gates = gatesFor(state.gates, file.dataset.id).filter((g) => (isOneDimensional(g.kind) ? g.x === x : g.x === x && g.y === y) && madeBy(g, state.populations, population?.id ?? null).some(Boolean));
  const axis = (reference: string, of: 'x' | 'y') => ({ ...axisLabel(reference, file.panel, embeddingTitle), ticks: axisTicks(of === 'x' ? scaleX : scaleY, axes[of][0], axes[of][1], 3), menu: null });
  return (
    <figure className="plot-card small" style={{ width: side + MARGIN.left + MARGIN.right + 2 }} ref={watch} data-file={file.name} data-drawn={query.data?.length}>
      <figcaption>
        <button type="button" className="cut grow link" title={`Open ${file.name}`} aria-label={`Open ${file.name}`} onClick={() => state.go({ file: file.key, view: 'plots' })}><FileName name={file.name} /></button>
        <span className="muted small" title={population ? 'of the population above it' : undefined}>{total === null ? '' : population ? `${count(total)} · ${share}` : count(total)}</span>
      </figcaption>
      <PlotFrame axes={axes} x={axis(x, 'x')} y={y ? axis(y, 'y') : { label: '', side: '', ticks: [], menu: null }} paint={paint} busy={query.isFetching}>
        <svg className="gate-layer still" width={side} height={side} aria-hidden="true">
          {gates.map((g) => {
            const shape = shapeOf(g.kind, g.geometry);
            const { area, lines } = pathsOf(shape, axes);
            const places = labelsOf(shape, axes);
            return (
              <g key={g.id} className={g.dataset_id ? 'gate own' : 'gate'}>
                <path className="gate-line" d={area + lines} />
                {madeBy(g, state.populations, population?.id ?? null).map((made, i) => made && (
                  <text key={made.id} className="gate-name" x={places[i][0]} y={places[i][1]} fontSize={10} textAnchor={g.kind !== 'quadrant' ? 'middle' : i === 0 || i === 3 ? 'end' : 'start'}>{percentText(counted(made.id), total)}</text>
                ))}
              </g>
            );
          })}
        </svg>
      </PlotFrame>
      {query.error && <p className="small warn-text">{query.error.message}</p>}
      {total === 0 && <p className="small muted plot-note">No events</p>}
    </figure>
  );
}

export const lineColors = (n: number) => (n <= OKABE_ITO.length ? OKABE_ITO : SET_24);
