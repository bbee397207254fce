/** One number by group, as boxes (quartiles, median, whiskers to 1.5 times the box) or bars (mean and standard deviation), and every point. */

import { number } from '../../data/words';
import { leftAxis, linear, ticks } from './parts';
import type { Ink, Mark, Scene } from './scene';
import { shortened } from './widths';

export interface BoxPoint {
  name: string;
  group: string;
  value: number;
}

export interface BoxesInput {
  points: BoxPoint[];
  /** In the order in which they stand. */
  groups: string[];
  /** Where they are grouped by two things: the first and the second of each, and what the second is. */
  nested?: { firsts: string[]; seconds: string[]; title: string };
  /** Of each group. */
  colors: string[];
  title: string;
  kind?: 'boxes' | 'bars';
}

type Summary = (sorted: number[], at: { x: number; half: number; y: (v: number) => number; color: string; group: string; ink: Ink }) => Mark[];

/** Mean, and the standard deviation that divides by n - 1 (0 of a single value). */
export function meanAndDeviation(values: number[]): [number, number] {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  return [mean, values.length > 1 ? Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1)) : 0];
}

/** Quantile of a sorted list, between the neighbours in a straight line. */
export function quantile(sorted: number[], q: number): number {
  const at = q * (sorted.length - 1);
  const i = Math.floor(at);
  return i + 1 < sorted.length ? sorted[i] + (sorted[i + 1] - sorted[i]) * (at - i) : sorted[i];
}

const TICKS = 6;

/** Round ends of the axis. Bars stand on 0; boxes do where that does not press them into less than half of the height. */
export function endsFor(values: number[], isBars: boolean): [number, number] {
  if (values.length === 0) return [0, 1];
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const isFar = !isBars && most > least && (least > most - least || most < least - most);
  const [low, high] = isFar ? [least, most] : [Math.min(0, least), Math.max(0, most)];
  if (high === low) return [low, low + 1];
  const [first, second] = ticks(low, high, TICKS);
  const step = Number((second - first).toPrecision(6));
  return [Math.floor(low / step + 1e-9), Math.ceil(high / step - 1e-9)].map((n) => Number((n * step).toPrecision(12))) as [number, number];
}

export function drawBoxes({ points, groups, nested, colors, title, kind = 'boxes' }: BoxesInput, ink: Ink, width: number, height: number): Scene {
  const at = { left: 66, right: Math.max(200, Math.min(width - 12, 66 + groups.length * 150)), top: 14, bottom: Math.max(200, Math.min(height, 460) - 46) };
  const isBars = kind === 'bars';
  const reach = isBars ? groups.map((g) => points.filter((p) => p.group === g).map((p) => p.value)).filter((of) => of.length).flatMap((of) => { const [mean, sd] = meanAndDeviation(of); return [mean - sd, mean + sd]; }) : [];
  const values = [...points.map((p) => p.value), ...reach];
  const [low, top] = endsFor(values, isBars);
  const y = linear(low, top, at.bottom, at.top);
  const marks: Mark[] = leftAxis({ ink, title, low, high: top, most: TICKS }, at);
  const step = (at.right - at.left) / Math.max(1, groups.length);
  const half = Math.min(34, step * 0.3);
  groups.forEach((group, g) => {
    const x = at.left + step * (g + 0.5);
    const of = points.filter((p) => p.group === group);
    const sorted = of.map((p) => p.value).sort((a, b) => a - b);
    marks.push({ kind: 'text', x, y: at.bottom + 14, text: shortened(nested ? nested.seconds[g] : group, step - 6, 12), anchor: 'middle', fill: ink.ink, tip: group });
    marks.push({ kind: 'text', x, y: at.bottom + 30, text: `n = ${of.length}`, anchor: 'middle', size: 11, fill: ink.soft });
    if (sorted.length >= (isBars ? 1 : 3)) marks.push(...(isBars ? bar : box)(sorted, { x, half, y, color: colors[g % colors.length], group, ink }));
    of.forEach((p, i) => {
      // spread out evenly, always in the same way
      const shift = of.length > 1 ? (((i * 0.618034) % 1) - 0.5) * half * 1.1 : 0;
      marks.push({ kind: 'circle', x: x + shift, y: y(p.value), r: 3.5, fill: isBars ? ink.ink : colors[g % colors.length], stroke: ink.paper, tip: `${p.name}\n${number(p.value)}`, data: { name: p.name, group, value: p.value } });
    });
  });
  if (nested) marks.push(...nestedNames(nested, { ...at, step }, ink));
  return { width: at.right + 12, height: at.bottom + (nested ? 70 : 44), marks };
}

/** Below the seconds: what they are, and each first over a line across its groups. */
function nestedNames({ firsts, title }: NonNullable<BoxesInput['nested']>, { left, bottom, step }: { left: number; bottom: number; step: number }, ink: Ink): Mark[] {
  const marks: Mark[] = [{ kind: 'text', x: left - 10, y: bottom + 14, text: shortened(title, left - 12, 11), anchor: 'end', size: 11, fill: ink.soft, tip: title }];
  for (let from = 0; from < firsts.length; ) {
    let to = from + 1;
    while (to < firsts.length && firsts[to] === firsts[from]) to++;
    const [x1, x2] = [left + step * from + 4, left + step * to - 4];
    marks.push({ kind: 'line', x1, x2, y1: bottom + 42, y2: bottom + 42, stroke: ink.soft });
    marks.push({ kind: 'text', x: (x1 + x2) / 2, y: bottom + 57, text: shortened(firsts[from], x2 - x1, 12), anchor: 'middle', fill: ink.ink, tip: firsts[from] });
    from = to;
  }
  return marks;
}

const bar: Summary = (sorted, { x, half, y, color, group, ink }) => {
  const [mean, sd] = meanAndDeviation(sorted);
  const tip = `${group}\nmean ${number(mean)}, standard deviation ${sorted.length > 1 ? number(sd) : 'of one value there is none'}`;
  const [top, foot] = [y(Math.max(0, mean)), y(Math.min(0, mean))];
  const whisker: Mark[] = sd > 0 ? [
    { kind: 'line', x1: x, x2: x, y1: y(mean - sd), y2: y(mean + sd), stroke: ink.ink },
    ...[mean - sd, mean + sd].map((v): Mark => ({ kind: 'line', x1: x - half * 0.3, x2: x + half * 0.3, y1: y(v), y2: y(v), stroke: ink.ink })),
  ] : [];
  return [{ kind: 'rect', x: x - half, y: top, width: 2 * half, height: Math.max(1, foot - top), fill: color, opacity: 0.35, stroke: color, tip, data: { group, mean, sd } }, ...whisker];
};

const box: Summary = (sorted, { x, half, y, color, group, ink }) => {
  const [q1, q2, q3] = [0.25, 0.5, 0.75].map((q) => quantile(sorted, q));
  const reach = 1.5 * (q3 - q1);
  const low = sorted.find((v) => v >= q1 - reach) ?? q1;
  const high = [...sorted].reverse().find((v) => v <= q3 + reach) ?? q3;
  const tip = `${group}\nmedian ${number(q2)}, quartiles ${number(q1)} and ${number(q3)}`;
  return [
    { kind: 'line', x1: x, x2: x, y1: y(low), y2: y(q1), stroke: ink.soft },
    { kind: 'line', x1: x, x2: x, y1: y(q3), y2: y(high), stroke: ink.soft },
    { kind: 'rect', x: x - half, y: y(q3), width: 2 * half, height: Math.max(1, y(q1) - y(q3)), fill: color, opacity: 0.25, stroke: color, tip, data: { group, median: q2, q1, q3 } },
    { kind: 'line', x1: x - half, x2: x + half, y1: y(q2), y2: y(q2), stroke: ink.ink, width: 2, tip },
  ];
};
