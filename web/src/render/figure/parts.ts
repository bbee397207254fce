/** What several figures have: axes of few ticks, legends, bars of colours. */

import { number } from '../../data/words';
import type { Ink, Mark } from './scene';
import { roomOf, shortened } from './widths';

/** At most about `n` round numbers from low to high. */
export function ticks(low: number, high: number, n: number): number[] {
  const span = high - low;
  if (!(span > 0)) return [low];
  const rough = span / Math.max(1, n);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= rough * 0.999) ?? rough;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** From data to points on the page. */
export const linear = (low: number, high: number, from: number, to: number) => (v: number) =>
  from + ((v - low) / (high > low ? high - low : 1)) * (to - from);

interface AxisParts {
  ink: Ink;
  /** What is measured, with its unit. */
  title: string;
  low: number;
  high: number;
  spell?: (v: number) => string;
  most?: number;
}

/** Ticks and title below a plot whose grid lines reach up to `top`. */
export function bottomAxis({ ink, title, low, high, spell = number, most }: AxisParts, at: { left: number; right: number; top: number; bottom: number }): Mark[] {
  const x = linear(low, high, at.left, at.right);
  const marks: Mark[] = ticks(low, high, most ?? Math.max(2, Math.min(6, Math.floor((at.right - at.left) / 70)))).flatMap((v): Mark[] => [
    { kind: 'line', x1: x(v), x2: x(v), y1: at.top, y2: at.bottom, stroke: ink.line },
    { kind: 'text', x: x(v), y: at.bottom + 12, text: spell(v), anchor: 'middle', size: 11, fill: ink.soft },
  ]);
  return [...marks, { kind: 'text', x: (at.left + at.right) / 2, y: at.bottom + 30, text: title, anchor: 'middle', fill: ink.ink }];
}

/** Ticks and title left of a plot whose grid lines reach to `right`. */
export function leftAxis({ ink, title, low, high, spell = number, most = 4 }: AxisParts, at: { left: number; right: number; top: number; bottom: number }): Mark[] {
  const y = linear(low, high, at.bottom, at.top);
  const marks: Mark[] = ticks(low, high, most).flatMap((v): Mark[] => [
    { kind: 'line', x1: at.left, x2: at.right, y1: y(v), y2: y(v), stroke: ink.line },
    { kind: 'text', x: at.left - 6, y: y(v), text: spell(v), anchor: 'end', size: 11, fill: ink.soft },
  ]);
  return title ? [...marks, { kind: 'text', x: at.left - 42, y: (at.top + at.bottom) / 2, text: title, anchor: 'middle', turn: 90, fill: ink.ink }] : marks;
}

export interface LegendItem {
  label: string;
  color: string;
  count?: string;
}

const ROW = 20;
/** Bold letters are so much wider. */
export const BOLDER = 1.1;
export const LEGEND_WIDTH = 200;
/** In figures narrower than this the legend stands below. */
export const NARROW = 640;
export const legendHeight = (n: number) => 24 + n * ROW;

/** Colours with their names and counts, one below the other. */
export function legend(title: string, items: LegendItem[], ink: Ink, at: { x: number; y: number; width?: number }): Mark[] {
  const width = at.width ?? LEGEND_WIDTH;
  const rows = items.flatMap((item, i): Mark[] => {
    const y = at.y + 26 + i * ROW;
    const count = item.count ?? '';
    const room = width - 18 - (count ? roomOf(count, 11) + 8 : 0);
    return [
      { kind: 'circle', x: at.x + 6, y, r: 5, fill: item.color },
      { kind: 'text', x: at.x + 18, y, text: shortened(item.label, room, 12), fill: ink.ink, tip: item.label },
      ...(count ? [{ kind: 'text', x: at.x + width, y, text: count, anchor: 'end', size: 11, fill: ink.soft } as Mark] : []),
    ];
  });
  return [{ kind: 'text', x: at.x, y: at.y + 6, text: shortened(title, width / BOLDER, 12), bold: true, fill: ink.ink, tip: title }, ...rows];
}

/** A bar from the lowest to the highest colour, with the values at its ends. */
export function colorBar(title: string, colors: string[], ends: [string, string], ink: Ink, at: { x: number; y: number; width?: number }): Mark[] {
  const width = at.width ?? 140;
  const step = width / colors.length;
  return [
    { kind: 'text', x: at.x, y: at.y + 6, text: title, bold: true, fill: ink.ink },
    // a little wider than its step, so that no seam shows
    ...colors.map((fill, i): Mark => ({ kind: 'rect', x: at.x + i * step, y: at.y + 18, width: i === colors.length - 1 ? step : step + 0.5, height: 10, fill })),
    { kind: 'text', x: at.x, y: at.y + 40, text: ends[0], size: 11, fill: ink.soft },
    { kind: 'text', x: at.x + width, y: at.y + 40, text: ends[1], anchor: 'end', size: 11, fill: ink.soft },
  ];
}

/** Room for names at the left: that of the widest, but at most a part of the width. */
export const roomFor = (names: string[], width: number) =>
  Math.min(Math.max(40, ...names.map((name) => roomOf(name, 12) + 18)), Math.max(60, width * 0.3));
