/** All channels against all others, compensated here as the matrix stands: each number has its plot, drawn while in sight. */

import { useQueries } from '@tanstack/react-query';
import { memo, useCallback, useEffect, useMemo, useRef, useState, type PointerEvent } from 'react';
import { curveOver } from '../../../data/gating/raster';
import { place, type Scale } from '../../../data/gating/scales';
import { compensatedLazily } from '../../../data/gating/spill';
import { paintDensity, paintHistograms } from '../../../render/gating/paint';
import { eventsQuery } from '../../../state/gating/queries';
import { useStore } from '../../../state/store';
import { shownTheme } from '../../../state/theme';
import { endsOf } from '../useAxisEnds';
import type { GatedFile, GatingState } from '../useGating';

const EVENTS = 10_000;
const BINS = 96;
/** A drag by a pixel changes a number by so much. */
const PER_PIXEL = 0.001;

interface Props {
  state: GatingState;
  channels: string[];
  names: string[];
  matrix: number[];
  inverse: number[];
  /** For each row of the matrix the file whose events are shown. */
  files: (GatedFile | null)[];
  /** Places of the channels that have plots, in order. */
  shown: number[];
  side: number;
  at: [number, number];
  onAt: (row: number, column: number) => void;
  /** Left out where the matrix is only to be looked at. */
  onNumber?: (row: number, column: number, value: number) => void;
}

export function PairGrid({ state, channels, names, matrix, inverse, files, shown, side, at, onAt, onNumber }: Props) {
  const n = channels.length;
  const references = useMemo(() => channels.map((c) => `var:${c}`), [channels]);
  const different = [...new Map(files.filter((f) => f !== null).map((f) => [f.key, f])).values()];
  const { population } = state;
  const answers = useQueries({
    queries: different.map((file) => ({ ...eventsQuery(state.sourceOf(file, population), { axes: references, population: population?.id ?? null, compensation: 'none', n: EVENTS }), retry: false })),
  });
  const token = answers.map((a, i) => `${different[i].key} ${a.dataUpdatedAt}`).join('|');
  const { scales } = state;
  // eslint-disable-next-line react-hooks/exhaustive-deps -- scaleFor is made anew at each drawing: the scales say when it is another
  const scaleList = useMemo(() => references.map((r) => state.scaleFor(r)), [references, scales]);
  const sources = useMemo(
    () => new Map(different.map((file, i): [string, Source] => [file.key, sourceOf(references.map((r) => answers[i].data?.axes.get(r) ?? new Float32Array(0)), inverse, scaleList)])),
    // the token says which answers have come
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [token, references, inverse, scaleList],
  );
  const ends = useMemo(() => {
    const values = answers.map((a) => a.data).find(Boolean);
    return references.map((r, i) => endsOf(scaleList[i], values?.axes.get(r)));
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [token, references, scaleList]);
  const onDark = useStore(shownTheme) === 'dark';
  const { palette } = state.layout;
  // a plot is drawn anew only where the column of the inverse that makes its channels is another
  const columnKeys = useMemo(() => Array.from({ length: n }, (_, j) => Array.from({ length: n }, (_i, i) => inverse[i * n + j]).join(' ')), [inverse, n]);
  const latest = useRef({ onAt, onNumber });
  useEffect(() => {
    latest.current = { onAt, onNumber };
  });
  const goTo = useCallback((i: number, j: number) => latest.current.onAt(i, j), []);
  const give = useCallback((i: number, j: number, value: number) => latest.current.onNumber?.(i, j, value), []);
  const problem = answers.find((a) => a.error)?.error;
  return (
    <>
      {problem && <p className="small warn-text">{problem.message}</p>}
      <div className="pair-grid" style={{ gridTemplateColumns: `auto repeat(${shown.length}, ${side + 2}px)` }} data-drawn={answers.every((a) => a.data) ? answers[0]?.data?.length : undefined} aria-busy={answers.some((a) => a.isFetching)}>
        <span className="corner" />
        {shown.map((j) => <span key={j} className={at[1] === j ? 'head current cut' : 'head cut'} title={names[j]}>{names[j]}</span>)}
        {shown.map((i) => [
          <span key={`row ${i}`} className={at[0] === i ? 'side-head current cut' : 'side-head cut'} style={{ lineHeight: `${side + 2}px` }} title={files[i] ? `${names[i]}: events of ${files[i]?.name}` : names[i]}>{names[i]}</span>,
          ...shown.map((j) => (
            <Cell
              key={j} source={sources.get(files[i]?.key ?? '')} drawnFrom={`${files[i]?.key} ${token} ${columnKeys[i]} ${columnKeys[j]}`} scales={scaleList} i={i} j={j} x={ends[j]} y={ends[i]} side={side} dark={onDark} palette={palette} value={matrix[i * n + j]}
              label={i === j ? names[i] : `${names[i]} against ${names[j]}`} current={at[0] === i && at[1] === j} onAt={goTo} onNumber={i === j || !onNumber ? undefined : give}
            />
          )),
        ])}
      </div>
    </>
  );
}

/** Places of a channel on its axis, compensated. */
type Source = (channel: number) => Float32Array;

function sourceOf(columns: Float32Array[], inverse: number[], scales: Scale[]): Source {
  const values = compensatedLazily(columns, inverse);
  const made = new Map<number, Float32Array>();
  return (channel) => {
    const known = made.get(channel) ?? place(scales[channel], values(channel));
    made.set(channel, known);
    return known;
  };
}

interface CellProps {
  source: Source | undefined;
  /** Says what the source gives for these two channels. */
  drawnFrom: string;
  scales: Scale[];
  i: number;
  j: number;
  x: [number, number];
  y: [number, number];
  side: number;
  dark: boolean;
  palette: 'hue' | 'viridis';
  value: number;
  label: string;
  current: boolean;
  onAt: (row: number, column: number) => void;
  onNumber?: (row: number, column: number, value: number) => void;
}

const SAME: (keyof CellProps)[] = ['drawnFrom', 'scales', 'side', 'dark', 'palette', 'value', 'label', 'current', 'onAt', 'onNumber'];

/** The source is made anew with each number; what it gives for these channels is the same while `drawnFrom` is. */
const Cell = memo(PlainCell, (a, b) => SAME.every((name) => a[name] === b[name]) && a.x[0] === b.x[0] && a.x[1] === b.x[1] && a.y[0] === b.y[0] && a.y[1] === b.y[1] && Boolean(a.source) === Boolean(b.source));

function PlainCell({ source, drawnFrom, i, j, x, y, side, dark, palette, value, label, current, onAt, onNumber }: CellProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [watch, inSight] = useInSight();
  const from = useRef<{ y: number; value: number } | null>(null);
  useEffect(() => {
    if (!inSight || !source || !canvas.current) return;
    const look = { dark, palette, ratio: window.devicePixelRatio || 1 };
    if (i === j) {
      const heights = curveOver(source(i), x, BINS, 1.5);
      const top = heights.reduce((m, v) => Math.max(m, v), 0) || 1;
      paintHistograms(canvas.current, [{ heights: heights.map((v) => v / top), color: dark ? '#8fb3c2' : '#3f6b80', lift: 0 }], { x, y: [0, 1], width: side, height: side }, 0.9, look);
    } else paintDensity(canvas.current, { x: source(j), y: source(i) }, { x, y, width: side, height: side }, look);
  }, [inSight, source, drawnFrom, i, j, x, y, side, dark, palette]);
  const move = (event: PointerEvent) => {
    if (from.current && onNumber && Math.abs(event.clientY - from.current.y) > 1) onNumber(i, j, from.current.value + (event.clientY - from.current.y) * PER_PIXEL);
  };
  return (
    <button
      type="button" ref={watch} className={current ? 'pair current' : 'pair'} style={{ height: side + 2 }} data-pair={`${i} ${j}`} tabIndex={current ? 0 : -1}
      onFocus={() => onAt(i, j)} onClick={() => onAt(i, j)} onPointerMove={move} onPointerUp={() => { from.current = null; }}
      onPointerDown={(e) => { if (onNumber && e.button === 0) { from.current = { y: e.clientY, value }; e.currentTarget.setPointerCapture(e.pointerId); } }}
      onKeyDown={(e) => {
        const step = e.key === 'ArrowUp' || e.key === 'ArrowRight' ? 1 : e.key === 'ArrowDown' || e.key === 'ArrowLeft' ? -1 : 0;
        if (step && onNumber) { e.preventDefault(); e.stopPropagation(); onNumber(i, j, value + step * PER_PIXEL * (e.shiftKey ? 10 : 1)); }
      }}
    >
      <span className="hidden-label">{label}</span>
      <canvas ref={canvas} aria-hidden="true" style={{ width: side, height: side }} />
      {i !== j && <span className="number">{Number((value * 100).toPrecision(3))}</span>}
    </button>
  );
}

/** Whether an element is in sight now. */
function useInSight(): [(element: HTMLElement | null) => void, boolean] {
  const [inSight, setInSight] = useState(false);
  const observer = useRef<IntersectionObserver | null>(null);
  const watch = useCallback((element: HTMLElement | null) => {
    observer.current?.disconnect();
    if (!element) return;
    observer.current = new IntersectionObserver((entries) => setInSight(entries[entries.length - 1].isIntersecting), { rootMargin: '40px' });
    observer.current.observe(element);
  }, []);
  return [watch, inSight];
}
