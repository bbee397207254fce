/** A histogram with two handles. */

import type { Histogram } from '../data/columns';
import { number } from '../data/words';

interface Props {
  label: string;
  histogram: Histogram;
  low: number;
  high: number;
  onChange: (low: number, high: number) => void;
}

const STEPS = 400;

export function RangeSlider({ label, histogram, low, high, onChange }: Props) {
  const span = histogram.high - histogram.low || 1;
  const toStep = (v: number) => Math.round(((v - histogram.low) / span) * STEPS);
  // The ends are the exact ends of the data, so that a full range drops no cell to rounding.
  const toValue = (s: number) => (s <= 0 ? histogram.low : s >= STEPS ? histogram.high : histogram.low + (s / STEPS) * span);
  const most = Math.max(1, ...histogram.counts);
  const width = 100 / histogram.counts.length;
  const a = toStep(low);
  const b = toStep(high);
  return (
    <div>
      <svg className="histogram" viewBox="0 0 100 34" preserveAspectRatio="none" aria-hidden="true">
        {Array.from(histogram.counts, (n, i) => {
          const h = n ? 2 + (32 * Math.log1p(n)) / Math.log1p(most) : 0;
          const middle = ((i + 0.5) / histogram.counts.length) * STEPS;
          const inside = middle >= a && middle <= b;
          return <rect key={i} x={i * width} y={34 - h} width={width * 0.9} height={h} fill={inside ? 'var(--accent)' : 'var(--line)'} />;
        })}
      </svg>
      <div className="range">
        <div className="track">
          <div style={{ left: `${(a / STEPS) * 100}%`, right: `${100 - (b / STEPS) * 100}%` }} />
        </div>
        <input type="range" min={0} max={STEPS} value={a} aria-label={`${label}, lowest`} aria-valuetext={number(low)} onChange={(e) => onChange(toValue(Math.min(Number(e.target.value), b)), high)} />
        <input type="range" min={0} max={STEPS} value={b} aria-label={`${label}, highest`} aria-valuetext={number(high)} onChange={(e) => onChange(low, toValue(Math.max(Number(e.target.value), a)))} />
      </div>
      <div className="spread small muted">
        <span>{number(low)}</span>
        <span>{number(high)}</span>
      </div>
    </div>
  );
}
