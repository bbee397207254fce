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
import { eventsQuery, useCounts } from '../../state/gating/queries';
import { useStore } from '../../state/store';
import { shownTheme } from '../../state/theme';
import { useViewState } from '../../state/viewState';
import { plotUrl } from '../../api/gating';
import { Button, Segments } from '../../views/controls';
import { FileName } from '../../views/FileName';
import { Popover } from '../../views/overlays';
import { PlotFrame } from '../../views/gating/PlotFrame';
import { lineColors } from './GalleryView';
import { overlayColor } from './PopulationTree';
import { axesIn, compareValues, groupings, lackingWords, sortFiles, spokenValue, valueOf } from './ordering';
import { useAxisEnds } from './useAxisEnds';
import type { GatedFile, GatingState } from './useGating';

const MOST = 24;
const EVENTS = 50_000;
const BINS = 256;
/** The share of the height that a curve may fill. */
const ROOM = 0.92;
const INITIAL = { of: 'files', offset: 0.12, mode: true, color: '', hidden: [] as string[] };
const FORMATS = [['png', 'PNG picture'], ['svg', 'SVG drawing'], ['pdf', 'PDF page']] as const;
/** Of all events, beside their populations. */
const ALL_COLOR = '#6b6b6b';
const SHARES = [0, 0.25, 0.5, 0.75, 1];

/** `x` is an axis of the file `home`; in the others it is found by reagent, and drawn on the same scale. */
export function HistogramOverlay({ state, x, home }: { state: GatingState; x: string; home: GatedFile | null }) {
  const [kept, change] = useViewState('overlay', INITIAL);
  const { offset, mode: isToMode } = kept;
  const of = kept.of === 'populations' ? 'populations' : 'files';
  const hidden = kept.hidden;
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
  const label = axisLabel(x, home?.panel ?? [], embeddingTitle).label;
  const names = uniqueNames(state.populations);
  const { file } = state;
  const all =
    of === 'files'
      ? sortFiles(state.files, state.layout.sortBy).filter((f) => !axesIn(f, [x], home).lacks).map((f) => ({ key: f.key, name: f.name, file: f, population: state.population }))
      : file
        ? [{ key: '', name: state.allName, file, population: null }, ...state.rows.map(({ population: p }) => ({ key: p.id, name: names.get(p.id) ?? p.name, file, population: p }))]
        : [];
  const lacking = of === 'files' ? state.files.map((f) => ({ file: f, ...axesIn(f, [x], home) })).filter((f) => f.lacks) : [];
  const offered = all.slice(0, MOST);
  const shown = offered.filter((one) => !hidden.includes(one.key));
  const byGroup = of === 'files' && groupings(state.files, state.attributes).some((g) => g.id === kept.color);
  const kinds = byGroup ? [...new Set(offered.map((one) => valueOf(one.file, kept.color)))].sort(compareValues) : [];
  const palette = lineColors(byGroup ? kinds.length : offered.length);
  const colorOf = (one: (typeof offered)[number]) => of === 'populations' ? (one.population ? overlayColor(state, one.population.id) : ALL_COLOR) : palette[(byGroup ? kinds.indexOf(valueOf(one.file, kept.color)) : offered.indexOf(one)) % palette.length];
  const counts = useCounts(state.study.id, [...new Set(state.files.map((f) => f.dataset.id))], '', state.layout.compensation, state.token).data ?? [];
  const countOf = (one: (typeof offered)[number]) => counts.find((row) => row.dataset_id === one.file.dataset.id && (row.population_id ?? '') === (one.population?.id ?? ''))?.n_events;
  const ends = useAxisEnds(state, x, '', home);
  const xOf = (one: (typeof offered)[number]) => axesIn(one.file, [x], home).axes[0];
  const answers = useQueries({ queries: shown.map((one) => ({ ...eventsQuery(state.sourceOf(one.file, one.population), { axes: [xOf(one)], population: one.population?.id ?? null, compensation: state.layout.compensation, n: EVENTS }), retry: false })) });
  const scale = state.scaleFor(x);
  const axes = { x: ends.x, y: [0, 1] as [number, number], ...size };
  const key = answers.map((a, i) => `${shown[i].key}${a.dataUpdatedAt}`).join(' ');
  const paint = useCallback(
    (canvas: HTMLCanvasElement) => {
      const heights = answers.map(({ data }, i) => (data ? curveOver(place(scale, data.axes.get(xOf(shown[i])) ?? new Float32Array(0)), ends.x, BINS, 2) : new Float32Array(BINS)));
      const topOf = (h: Float32Array) => h.reduce((m, v) => Math.max(m, v), 0) || 1;
      const top = Math.max(...heights.map(topOf), 1);
      const lifted = offset * Math.max(0, shown.length - 1);
      // the last curve stands highest and is drawn first, so that the front ones stay whole
      const curves = heights.map((h, i) => ({ heights: h.map((v) => v / (isToMode ? topOf(h) : top)), color: colorOf(shown[i]), lift: (offset * i) / (1 + lifted) })).reverse();
      paintHistograms(canvas, curves, { x: ends.x, y: [0, 1], ...size }, ROOM / (1 + lifted), { dark: onDark, palette: 'hue', ratio: window.devicePixelRatio || 1 });
    },
    // the key says which answers have come
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [key, scale, ends, offset, isToMode, onDark, size, kept.color],
  );
  const flip = (one: string) => change({ hidden: hidden.includes(one) ? hidden.filter((h) => h !== one) : [...hidden, one] });
  const address = (format: string) => {
    const [front, ...rest] = shown;
    const others = rest.map((one) => `${one.file.dataset.id}/${one.population?.id ?? ''}`).join(',');
    return plotUrl(front.file.dataset.id, front.file.table.name, { kind: 'histogram', x: xOf(front), population: front.population?.id ?? null, compensation: state.layout.compensation, overlays: others, normalise: String(isToMode), offset, width: 560, height: 420, gates: 'false', format, attachment: 'true' });
  };
  // percent stands beside the front curve, where nothing else is lifted to the same height
  const heights = isToMode && offset === 0 ? SHARES.map((share) => ({ at: share * ROOM, label: `${100 * share} %`, power: null, major: true })) : [];
  return (
    <div className="overlay-view">
      <div className="overlay-room" ref={box}>
        <PlotFrame axes={axes} x={{ ...axisLabel(x, home?.panel ?? [], embeddingTitle), ticks: axisTicks(scale, ends.x[0], ends.x[1], 6), menu: null }} y={{ label: isToMode ? 'Events, % of the highest' : 'Events', side: '', ticks: heights, menu: null }} paint={paint} busy={answers.some((a) => a.isFetching)} />
      </div>
      <div className="side">
        <section className="panel" aria-label="Curves">
          <Segments label="A curve for each of" value={of} options={[{ value: 'files', label: 'Files' }, { value: 'populations', label: 'Populations' }]} onChange={(next) => change({ of: next, hidden: [] })} />
          <label className="field"><span className="label">Offset</span><input type="range" min={0} max={0.6} step={0.02} value={offset} aria-label="Offset between curves" onChange={(e) => change({ offset: Number(e.target.value) })} /></label>
          <label className="check small" title="The highest point of every curve is 100 %"><input type="checkbox" checked={isToMode} onChange={(e) => change({ mode: e.target.checked })} /> each to its own mode</label>
          {of === 'files' && (
            <label className="control"><span>coloured by</span>
              <select className="input small" aria-label="Colour curves by" value={byGroup ? kept.color : ''} onChange={(e) => change({ color: e.target.value })}>
                <option value="">file</option>
                {groupings(state.files, state.attributes).map(({ id, title }) => <option key={id} value={id}>{title}</option>)}
              </select>
            </label>
          )}
          <div className="row">
            <Button small look="plain" onClick={() => change({ hidden: [] })}>All</Button>
            <Button small look="plain" onClick={() => change({ hidden: offered.map((one) => one.key) })}>None</Button>
            <span className="grow" />
            {shown.length > 0 && <Popover label="Save the curves" text="Save" icon="download" small menu>{(close) => FORMATS.map(([format, title]) => <a key={format} className="button plain small" href={address(format)} download={`${label}.${format}`} onClick={close}>{title}</a>)}</Popover>}
          </div>
          <ul className="legend">
            {[...offered].reverse().map((one) => (
              <li key={one.key}>
                <button type="button" className={hidden.includes(one.key) ? 'entry off' : 'entry'} aria-pressed={!hidden.includes(one.key)} title="Click hides or shows it; Shift and click shows only it" onClick={(e) => (e.shiftKey ? change({ hidden: offered.map((o) => o.key).filter((o) => o !== one.key) }) : flip(one.key))}>
                  <span className="dot" style={{ background: colorOf(one) }} />
                  <FileName name={one.name} />{byGroup && <span className="muted small"> {spokenValue(one.file, kept.color)}</span>}
                  <span className="count">{count(countOf(one))}</span>
                </button>
              </li>
            ))}
          </ul>
          {lackingWords(label, lacking).map(({ text, title }) => <p key={text} className="small muted" title={title}>{text}</p>)}
          {all.length > MOST && <p className="small muted">The first {count(MOST)} of {count(all.length)}.</p>}
        </section>
      </div>
    </div>
  );
}
