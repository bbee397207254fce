/** Ticks of an axis in its scale's own manner: round numbers on linear axes, powers of ten on the others. */

import type { Scale } from './scales';

export interface Tick {
  /** Place on the axis. */
  at: number;
  /** '' for a tick without a label. */
  label: string;
  /** The power of ten, shown raised; null where the label is a plain number. */
  power: number | null;
  major: boolean;
}

const NARROW = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });

/** 250K for 250,000, as cytometers print it. */
export function shortNumber(v: number): string {
  const size = Math.abs(v);
  if (size >= 1e6) return `${NARROW.format(v / 1e6)}M`;
  if (size >= 1e4) return `${NARROW.format(v / 1e3)}K`;
  if (size !== 0 && size < 0.01) return v.toExponential(0);
  return NARROW.format(v);
}

/** Ticks of the part of an axis from `low` to `high`, in places. */
export function axisTicks(scale: Scale, low: number, high: number, most: number): Tick[] {
  const type = scale.json?.type ?? 'linear';
  return type === 'linear' || type === 'gml-linear' ? linearTicks(scale, low, high, most) : decadeTicks(scale, low, high);
}

function linearTicks(scale: Scale, low: number, high: number, most: number): Tick[] {
  const [a, b] = [scale.inverse(low), scale.inverse(high)];
  const span = b - a;
  if (!(span > 0)) return [];
  const power = 10 ** Math.floor(Math.log10(span / Math.max(1, most)));
  const step = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= (span / Math.max(1, most)) * 0.999) ?? power * 10;
  const ticks: Tick[] = [];
  // a linear axis that begins at 1 has its 0 there
  for (let i = Math.ceil(a / step - 1e-3); i <= Math.floor(b / step + 1e-9); i++) {
    const value = Number((i * step).toPrecision(12));
    ticks.push({ at: Math.max(low, scale.forward(value)), label: shortNumber(value).replace('-', '−'), power: null, major: true });
  }
  return ticks;
}

const DECADES = 8;
/** Labels nearer than this share of the axis would run into one another. */
const APART = 0.085;
/** Ticks nearer than this would look like one. */
const CROWDED = 0.008;

function decadeTicks(scale: Scale, low: number, high: number): Tick[] {
  const ticks: Tick[] = [];
  const inside = (at: number) => at >= low - 1e-9 && at <= high + 1e-9;
  const add = (value: number, major: boolean, label: string, power: number | null) => {
    const at = scale.forward(value);
    if (Number.isFinite(at) && inside(at) && Math.abs(scale.inverse(at) - value) <= Math.abs(value) * 1e-3 + 1e-9) ticks.push({ at, label, power, major });
  };
  const [least, top] = [scale.inverse(low), scale.inverse(high)];
  if (least <= 0 && top >= 0 && scale.json?.type !== 'log' && scale.json?.type !== 'gml-log') add(0, true, '0', null);
  for (let decade = -3; decade <= DECADES; decade++) {
    for (const sign of [1, -1]) {
      add(sign * 10 ** decade, true, sign < 0 ? '−10' : '10', decade);
      for (let k = 2; k < 10; k++) add(sign * k * 10 ** decade, false, '', null);
    }
  }
  return thin(ticks, high - low);
}

/** Labels from the outer ends inwards, zero first; what would touch another stays a tick, or nothing. */
function thin(ticks: Tick[], span: number): Tick[] {
  const rank = (t: Tick) => t.power ?? DECADES + 1;
  const labelled: Tick[] = [];
  for (const tick of ticks.filter((t) => t.major).sort((a, b) => rank(b) - rank(a))) {
    if (labelled.every((other) => Math.abs(other.at - tick.at) >= span * APART)) labelled.push(tick);
  }
  const kept = [...labelled];
  const rest = ticks.filter((t) => !labelled.includes(t)).sort((a, b) => Math.abs(b.at) - Math.abs(a.at));
  for (const tick of rest) {
    if (kept.every((other) => Math.abs(other.at - tick.at) >= span * CROWDED)) kept.push({ ...tick, label: '', power: null, major: false });
  }
  return kept.sort((a, b) => a.at - b.at);
}
