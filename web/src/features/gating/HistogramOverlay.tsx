/** Histograms over one another: of files, or of populations of one file; lifted by an offset, each to its own mode. */

import { useQueries } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';
import { axisLabel } from '../../data/gating/axes';
import { curveOver } from '../../data/gating/raster';
import { place } from '../../data/gating/scales';
import { axisTicks } from '../../data/gating/ticks';
import { uniqueNames } from '../../data/gating/tree';
import { count, embeddingTitle } from '../../data/words';
import { paintHistograms } from '../../render/gating/paint';
import { eventsQuery } from '../../state/gating/queries';
import { useSamples } from '../../state/queries';
import { useStore } from '../../state/store';
import { shownTheme } from '../../state/theme';
import { Segments } from '../../views/controls';
import { PlotFrame } from '../../views/gating/PlotFrame';
import { sortFiles } from './FileList';
import { lineColors } from './GalleryView';
import { useAxisEnds } from './useAxisEnds';
import type { GatingState } from './useGating';

const MOST = 24;
const EVENTS = 50_000;
const BINS = 256;

export function HistogramOverlay({ state, x }: { state: GatingState; x: string }) {
  const [of, setOf] = useState<'files' | 'populations'>('files');
  const [offset, setOffset] = useState(0.12);
  const [isToMode, setToMode] = useState(true);
  const [hidden, setHidden] = useState<string[]>([]);
  const samples = useSamples(state.study.id).data?.samples ?? [];
  const onDark = useStore(shownTheme) === 'dark';
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 560, height: 400 });
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => setSize({ width: Math.max(240, Math.floor(entry.contentRect.width) - 90), height: Math.max(240, Math.floor(entry.contentRect.height) - 80) }));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const names = uniqueNames(state.populations);
  const { file } = state;
  const all =
    of === 'files'
      ? sortFiles(state.files, state.layout.sortBy, samples).map((f) => ({ key: f.key, name: f.name, file: f, population: state.population }))
      : file
        ? [{ key: '', name: state.allName, file, population: null }, ...state.rows.map(({ population: p }) => ({ key: p.id, name: names.get(p.id) ?? p.name, file, population: p }))]
        : [];
  const offered = all.slice(0, MOST);
  const shown = offered.filter((one) => !hidden.includes(one.key));
  const colors = lineColors(offered.length);
  const ends = useAxisEnds(state, x, '');
  const answers = useQueries({ queries: shown.map((one) => ({ ...eventsQuery(state.sourceOf(one.file, one.population), { axes: [x], population: one.population?.id ?? null, compensation: state.layout.compensation, n: EVENTS }), retry: false })) });
  const scale = state.scaleFor(x);
  const axes = { x: ends.x, y: [0, 1] as [number, number], ...size };
  const key = answers.map((a, i) => `${shown[i].key}${a.dataUpdatedAt}`).join(' ');
  const paint = useCallback(
    (canvas: HTMLCanvasElement) => {
      const heights = answers.map(({ data }) => (data ? curveOver(place(scale, data.axes.get(x) ?? new Float32Array(0)), ends.x, BINS, 2) : new Float32Array(BINS)));
      const topOf = (h: Float32Array) => h.reduce((m, v) => Math.max(m, v), 0) || 1;
      const top = Math.max(...heights.map(topOf), 1);
      const lifted = offset * Math.max(0, shown.length - 1);
      // the last curve stands highest and is drawn first, so that the front ones stay whole
      const curves = heights.map((h, i) => ({ heights: h.map((v) => v / (isToMode ? topOf(h) : top)), color: colors[offered.indexOf(shown[i]) % colors.length], lift: (offset * i) / (1 + lifted) })).reverse();
      paintHistograms(canvas, curves, { x: ends.x, y: [0, 1], ...size }, 0.92 / (1 + lifted), { dark: onDark, palette: 'hue', ratio: window.devicePixelRatio || 1 });
    },
    // the key says which answers have come
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [key, scale, ends, offset, isToMode, onDark, size],
  );
  const flip = (one: string) => setHidden(hidden.includes(one) ? hidden.filter((h) => h !== one) : [...hidden, one]);
  return (
    <div className="overlay-view">
      <div className="overlay-room" ref={box}>
        <PlotFrame axes={axes} x={{ ...axisLabel(x, file?.panel ?? [], embeddingTitle), ticks: axisTicks(scale, ends.x[0], ends.x[1], 6), menu: null }} y={{ label: '', side: '', ticks: [], menu: null }} paint={paint} busy={answers.some((a) => a.isFetching)} />
      </div>
      <div className="side">
        <section className="panel" aria-label="Curves">
          <Segments label="A curve for each of" value={of} options={[{ value: 'files', label: 'Files' }, { value: 'populations', label: 'Populations' }]} onChange={(next) => { setOf(next); setHidden([]); }} />
          <label className="field"><span className="label">Offset</span><input type="range" min={0} max={0.6} step={0.02} value={offset} aria-label="Offset between curves" onChange={(e) => setOffset(Number(e.target.value))} /></label>
          <label className="check small"><input type="checkbox" checked={isToMode} onChange={(e) => setToMode(e.target.checked)} /> each to its own mode (highest = 100 %)</label>
          <ul className="legend">
            {offered.map((one, i) => (
              <li key={one.key}>
                <button type="button" className={hidden.includes(one.key) ? 'entry off' : 'entry'} aria-pressed={!hidden.includes(one.key)} onClick={() => flip(one.key)}>
                  <span className="dot" style={{ background: colors[i % colors.length] }} />
                  <span className="cut">{one.name}</span>
                </button>
              </li>
            ))}
          </ul>
          {all.length > MOST && <p className="small muted">The first {count(MOST)} of {count(all.length)}.</p>}
        </section>
      </div>
    </div>
  );
}
