/** How many cells lie where on an axis, with a handle for the least and one for the most that is kept. */

import { count } from '../data/words';
import type { Histogram } from '../data/columns';

export interface LimitTick {
  at: number;
  text: string;
}

interface Props {
  label: string;
  histogram: Histogram;
  /** In places on the axis; null = there is no such handle. */
  low: number | null;
  high: number;
  ticks: LimitTick[];
  valueText: (place: number) => string;
  onLow: (place: number | null) => void;
  onHigh: (place: number | null) => void;
}

const STEPS = 1000;
const HEIGHT = 96;

export function LimitPlot({ label, histogram, low, high, ticks, valueText, onLow, onHigh }: Props) {
  const span = histogram.high - histogram.low || 1;
  const percent = (place: number) => Math.min(100, Math.max(0, ((place - histogram.low) / span) * 100));
  const toStep = (place: number) => Math.round((percent(place) / 100) * STEPS);
  const toPlace = (step: number) => histogram.low + (step / STEPS) * span;
  const most = Math.max(1, ...histogram.counts);
  const a = low === null ? 0 : toStep(low);
  const b = toStep(high);
  const width = 100 / histogram.counts.length;
  return (
    <div className="limit-plot">
      <svg viewBox={`0 0 100 ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={`${label}: ${count(most)} cells in the fullest bin`}>
        {Array.from(histogram.counts, (n, i) => {
          const h = n ? Math.max(1, (HEIGHT * n) / most) : 0;
          const middle = ((i + 0.5) / histogram.counts.length) * STEPS;
          const kept = middle >= a && middle <= b;
          return <rect key={i} x={i * width} y={HEIGHT - h} width={width * 0.92} height={h} className={kept ? 'kept' : 'dropped'} />;
        })}
      </svg>
      {low !== null && a > 0 && <i className="cut-line" style={{ left: `${a / 10}%` }} />}
      {b < STEPS && <i className="cut-line" style={{ left: `${b / 10}%` }} />}
      <div className="range">
        <div className="track">
          <div style={{ left: `${a / 10}%`, right: `${100 - b / 10}%` }} />
        </div>
        {low !== null && (
          <input type="range" min={0} max={STEPS} value={a} aria-label={`${label}, least`} aria-valuetext={a === 0 ? 'no limit' : valueText(low)} onChange={(e) => onLow(Number(e.target.value) <= 0 ? null : toPlace(Math.min(Number(e.target.value), b)))} />
        )}
        <input type="range" min={0} max={STEPS} value={b} aria-label={`${label}, most`} aria-valuetext={b === STEPS ? 'no limit' : valueText(high)} onChange={(e) => onHigh(Number(e.target.value) >= STEPS ? null : toPlace(Math.max(Number(e.target.value), a)))} />
      </div>
      <div className="limit-ticks" aria-hidden="true">
        {ticks.map((tick) => <span key={tick.at} style={{ left: `${percent(tick.at)}%` }}>{tick.text}</span>)}
      </div>
    </div>
  );
}
