/** One plot of the open population over all files, sorted and grouped as the list of files is. */

import { useQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { axisLabel } from '../../data/gating/axes';
import { curveOver } from '../../data/gating/raster';
import { isOneDimensional, shapeOf } from '../../data/gating/geometry';
import { pathsOf } from '../../data/gating/drawing';
import { place } from '../../data/gating/scales';
import { axisTicks } from '../../data/gating/ticks';
import { gatesFor, madeBy, percentText } from '../../data/gating/tree';
import { OKABE_ITO, SET_24 } from '../../data/colors';
import { count, embeddingTitle } from '../../data/words';
import { paintDensity, paintHistograms } from '../../render/gating/paint';
import { eventsQuery, useCounts } from '../../state/gating/queries';
import { useSamples } from '../../state/queries';
import { useStore } from '../../state/store';
import { shownTheme } from '../../state/theme';
import { useViewState } from '../../state/viewState';
import { Segments } from '../../views/controls';
import { Popover } from '../../views/overlays';
import { PlotFrame } from '../../views/gating/PlotFrame';
import { AxisMenu } from './AxisMenu';
import { groupFiles, sortFiles } from './FileList';
import { HistogramOverlay } from './HistogramOverlay';
import { plotsOf } from './PlotGrid';
import { useAxisEnds } from './useAxisEnds';
import type { GatedFile, GatingState } from './useGating';

const SIDE = 150;
const EVENTS = 20_000;
const INITIAL = { x: '', y: '', mode: 'density' };
type Mode = 'density' | 'histogram' | 'overlay';

export function GalleryView({ state }: { state: GatingState }) {
  const first = plotsOf(state)[0];
  const [kept, change] = useViewState('gallery', INITIAL);
  const spec = { x: kept.x || first?.x || '', y: kept.y || first?.y || '' };
  const mode = kept.mode as Mode;
  const samples = useSamples(state.study.id).data?.samples ?? [];
  const groups = groupFiles(sortFiles(state.files, state.layout.sortBy, samples), state.layout.groupBy, samples);
  const counts = useCounts(state.study.id, [...new Set(state.files.map((f) => f.dataset.id))], '', state.layout.compensation, state.token).data ?? [];
  const label = (reference: string) => axisLabel(reference, state.file?.panel ?? [], embeddingTitle).label;
  const axis = (of: 'x' | 'y', name: string) => (
    <Popover label={`${name} axis: ${label(spec[of])}`} text={label(spec[of])} small left>
      {(close) => <AxisMenu state={state} reference={spec[of]} onTake={(reference) => { change({ [of]: reference }); close(); }} />}
    </Popover>
  );
  if (!spec.x) return <p className="muted">This table has no axes to show.</p>;
  return (
    <>
      <div className="toolbar" role="toolbar" aria-label="Gallery">
        <Segments label="Kind of plots" value={mode} options={[{ value: 'density', label: 'Density' }, { value: 'histogram', label: 'Histograms' }, { value: 'overlay', label: 'Overlay' }]} onChange={(next) => change({ mode: next })} />
        {axis('x', 'Horizontal')}
        {mode === 'density' && <><span className="muted small">and</span>{axis('y', 'Vertical')}</>}
        <span className="grow cut muted small">{state.population?.name ?? state.allName} in {count(state.files.length)} files</span>
      </div>
      {mode === 'overlay' ? (
        <HistogramOverlay state={state} x={spec.x} />
      ) : (
        <div className="gallery">
          {groups.map((group) => (
            <section key={group.name} aria-label={group.name || 'All files'}>
              {group.name && <h3>{group.name}</h3>}
              <div className="plot-grid small">
                {group.files.map((file) => (
                  <GalleryPlot key={file.key} state={state} file={file} x={spec.x} y={mode === 'density' ? spec.y : ''} total={counts.find((row) => row.dataset_id === file.dataset.id && (row.population_id ?? '') === (state.population?.id ?? ''))?.n_events ?? null} />
                ))}
              </div>
            </section>
          ))}
        </div>
      )}
    </>
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
  total: number | null;
}

function GalleryPlot({ state, file, x, y, total }: PlotProps) {
  const [watch, seen] = useSeen();
  const onDark = useStore(shownTheme) === 'dark';
  const { population, layout } = state;
  const ends = useAxisEnds(state, x, y, seen ? file : null);
  const asked = { axes: y && y !== x ? [x, y] : [x], population: population?.id ?? null, compensation: layout.compensation, n: EVENTS };
  const query = useQuery({ ...eventsQuery(state.sourceOf(file, population), asked), enabled: seen, retry: false });
  const axes = useMemo(() => ({ x: ends.x, y: y ? ends.y : ([0, 1] as [number, number]), width: SIDE, height: SIDE }), [ends, y]);
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
    <figure className="plot-card small" ref={watch} data-file={file.name} data-drawn={query.data?.length}>
      <figcaption>
        <button type="button" className="cut grow link" title={`Open ${file.name}`} onClick={() => state.go({ file: file.key, view: 'plots' })}>{file.name}</button>
        <span className="muted small">{total === null ? '' : `${count(total)} · ${percentText(total, file.table.n_cells)}`}</span>
      </figcaption>
      <PlotFrame axes={axes} x={axis(x, 'x')} y={y ? axis(y, 'y') : { label: '', side: '', ticks: [], menu: null }} paint={paint} busy={query.isFetching}>
        <svg className="gate-layer still" width={SIDE} height={SIDE} aria-hidden="true">
          {gates.map((g) => {
            const { area, lines } = pathsOf(shapeOf(g.kind, g.geometry), axes);
            return <path key={g.id} className={g.dataset_id ? 'gate-line own' : 'gate-line'} d={area + lines} />;
          })}
        </svg>
      </PlotFrame>
      {query.error && <p className="small warn-text">{query.error.message}</p>}
    </figure>
  );
}

export const lineColors = (n: number) => (n <= OKABE_ITO.length ? OKABE_ITO : SET_24);
