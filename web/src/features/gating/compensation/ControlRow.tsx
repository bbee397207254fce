/** The control of a channel: its file, the histogram of the channel in it, and which events are taken as bright and dim. */

import { useQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState, type PointerEvent } from 'react';
import type { Parts, Range } from '../../../api/matrices';
import { curveOver } from '../../../data/gating/raster';
import { place } from '../../../data/gating/scales';
import { count, number } from '../../../data/words';
import { paintHistograms } from '../../../render/gating/paint';
import { eventsQuery } from '../../../state/gating/queries';
import { useStore } from '../../../state/store';
import { shownTheme } from '../../../state/theme';
import { Button, Segments } from '../../../views/controls';
import { labelOf } from '../choices';
import { endsOf } from '../useAxisEnds';
import type { GatedFile, GatingState } from '../useGating';
import type { Chosen } from './ControlsView';

const EVENTS = 10_000;
const BINS = 128;
const [WIDTH, HEIGHT] = [230, 56];
type Part = 'positive' | 'negative';

interface Props {
  state: GatingState;
  channel: string;
  files: GatedFile[];
  chosen: Chosen | null;
  population: string | null;
  /** What is taken, as the server found it. */
  parts: Parts | null;
  hasUnstained: boolean;
  onTake: (part: Partial<Chosen> | null) => void;
}

export function ControlRow({ state, channel, files, chosen, population, parts, hasUnstained, onTake }: Props) {
  const [part, setPart] = useState<Part>('positive');
  const name = labelOf(state, `var:${channel}`);
  const file = files.find((f) => f.dataset.id === chosen?.dataset) ?? null;
  return (
    <div className="control-row" role="group" aria-label={`Control of ${name}`}>
      <strong className="cut" title={channel}>{name}</strong>
      <select className="input small" aria-label={`File of the control of ${name}`} value={chosen?.dataset ?? ''} onChange={(e) => onTake(e.target.value ? { dataset: e.target.value, positive: undefined, negative: undefined } : null)}>
        <option value="">no control</option>
        {files.map((f) => <option key={f.key} value={f.dataset.id}>{f.name}</option>)}
      </select>
      {file ? <Curve state={state} file={file} channel={channel} population={population} positive={parts?.positive ?? null} negative={parts?.negative ?? null} part={part} onRange={(range) => onTake({ [part]: range })} /> : <span className="muted small">Its row of the matrix stays as of a dye that is seen nowhere else.</span>}
      {file && (
        <div className="stack tight parts">
          <Segments label={`What a drag over ${name} says`} value={part} options={[{ value: 'positive', label: 'Bright' }, { value: 'negative', label: 'Dim' }]} onChange={setPart} />
          {parts && (
            <p className="small">
              <RangeFields label={`${part === 'positive' ? 'Bright' : 'Dim'} events of ${name}`} range={part === 'positive' ? parts.positive : parts.negative} onRange={(range) => onTake({ [part]: range })} />
              <span className="muted">{part === 'positive' ? `${count(parts.n_positive)} events` : parts.negative ? `${count(parts.n_negative)} events` : hasUnstained ? `${count(parts.n_negative)} events of the unstained control` : ''}</span>
              {chosen?.[part] && <Button small look="plain" onClick={() => onTake({ [part]: undefined })}>Find again</Button>}
            </p>
          )}
        </div>
      )}
    </div>
  );
}

function RangeFields({ label, range, onRange }: { label: string; range: Range | null; onRange: (range: Range) => void }) {
  const [typed, setTyped] = useState<[string, string] | null>(null);
  const texts = typed ?? [range ? String(Number(range[0].toPrecision(4))) : '', range ? String(Number(range[1].toPrecision(4))) : ''];
  const keep = () => {
    const [low, high] = texts.map(Number);
    if (typed && texts.every((t) => t.trim()) && low < high) onRange([low, high]);
    setTyped(null);
  };
  const field = (i: 0 | 1, of: string) => (
    <input className="input small num" aria-label={`${label}, ${of}`} inputMode="decimal" value={texts[i]} onChange={(e) => setTyped(i === 0 ? [e.target.value, texts[1]] : [texts[0], e.target.value])} onBlur={keep} onKeyDown={(e) => { if (e.key === 'Enter') keep(); }} />
  );
  return <span className="row range-fields">{field(0, 'from')}–{field(1, 'to')}</span>;
}

interface CurveProps {
  state: GatingState;
  file: GatedFile;
  channel: string;
  population: string | null;
  positive: Range | null;
  negative: Range | null;
  part: Part;
  onRange: (range: Range) => void;
}

function Curve({ state, file, channel, population, positive, negative, part, onRange }: CurveProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [drag, setDrag] = useState<[number, number] | null>(null);
  const onDark = useStore(shownTheme) === 'dark';
  const reference = `var:${channel}`;
  const of = state.populations.find((p) => p.id === population) ?? null;
  const query = useQuery({ ...eventsQuery(state.sourceOf(file, of), { axes: [reference], population, compensation: 'none', n: EVENTS }), retry: false });
  const scale = state.scaleFor(reference);
  const values = query.data?.axes.get(reference);
  const [low, high] = endsOf(scale, values);
  const paint = useCallback(() => {
    if (!canvas.current || !values) return;
    const heights = curveOver(place(scale, values), [low, high], BINS, 1.5);
    const top = heights.reduce((m, v) => Math.max(m, v), 0) || 1;
    paintHistograms(canvas.current, [{ heights: heights.map((v) => v / top), color: onDark ? '#8fb3c2' : '#3f6b80', lift: 0 }], { x: [low, high], y: [0, 1], width: WIDTH, height: HEIGHT }, 0.95, { dark: onDark, palette: 'hue', ratio: window.devicePixelRatio || 1 });
  }, [values, scale, low, high, onDark]);
  useEffect(paint, [paint]);
  const at = (value: number) => Math.min(WIDTH, Math.max(0, ((scale.forward(value) - low) / (high - low)) * WIDTH));
  const valueAt = (px: number) => scale.inverse(low + (Math.min(WIDTH, Math.max(0, px)) / WIDTH) * (high - low));
  const px = (e: PointerEvent) => e.clientX - e.currentTarget.getBoundingClientRect().left;
  const end = () => {
    if (drag && Math.abs(drag[1] - drag[0]) > 3) onRange([valueAt(Math.min(...drag)), valueAt(Math.max(...drag))]);
    setDrag(null);
  };
  const band = (range: Range | null, look: string) => range && <rect className={look} x={at(range[0])} width={Math.max(1, at(range[1]) - at(range[0]))} y={0} height={HEIGHT} />;
  const title = [positive && `bright ${number(positive[0])} to ${number(positive[1])}`, negative && `dim ${number(negative[0])} to ${number(negative[1])}`].filter(Boolean).join(', ');
  return (
    <div className="control-curve" style={{ width: WIDTH, height: HEIGHT }} title={title}>
      <canvas ref={canvas} aria-hidden="true" style={{ width: WIDTH, height: HEIGHT }} />
      <svg
        width={WIDTH} height={HEIGHT} role="img" aria-label={`Histogram of the control${title ? `: ${title}` : ''}`}
        onPointerDown={(e) => { e.currentTarget.setPointerCapture(e.pointerId); setDrag([px(e), px(e)]); }} onPointerMove={(e) => { if (drag) setDrag([drag[0], px(e)]); }} onPointerUp={end} onPointerCancel={() => setDrag(null)}
      >
        {band(negative, 'dim')}
        {band(positive, 'bright')}
        {drag && <rect className={part === 'positive' ? 'bright' : 'dim'} x={Math.min(...drag)} width={Math.abs(drag[1] - drag[0])} y={0} height={HEIGHT} />}
      </svg>
    </div>
  );
}
