/** A heat map of one statistic: rows (populations or files) by channels. */

import { mapHex, type MapName } from '../../data/colors';
import { number } from '../../data/words';
import { BOLDER, colorBar, roomFor } from './parts';
import type { Ink, Mark, Scene } from './scene';
import { roomOf, shortened } from './widths';

export interface MediansInput {
  rows: string[];
  columns: string[];
  /** The statistic in data units; null where there is none. */
  values: (number | null)[][];
  /** What the colours show: the same on the scale of each channel. */
  shades: (number | null)[][];
  statistic: string;
  map: MapName;
  /** Whether each channel runs over all colours. */
  byColumn: boolean;
}

const ROW = 26;
const [LEAST, MOST] = [22, 64];

export function drawMedians(input: MediansInput, ink: Ink, width: number): Scene {
  const { rows, columns, values, shades } = input;
  const left = roomFor(rows, width);
  const column = Math.max(LEAST, Math.min(MOST, (width - left - 16) / Math.max(1, columns.length)));
  const top = Math.min(130, Math.max(30, ...columns.map((name) => roomOf(name, 12))) + 8);
  const ends = columns.map((_, c) => endsOf(input.byColumn ? shades.map((row) => row[c]) : shades.flat()));
  const marks: Mark[] = columns.map((name, c) => ({ kind: 'text', x: left + column * (c + 0.5), y: top - 8, text: shortened(name, 120, 12), turn: 90, fill: ink.ink, tip: name }));
  rows.forEach((name, r) => {
    const y = top + ROW * r;
    marks.push({ kind: 'text', x: left - 8, y: y + ROW / 2, text: shortened(name, left - 12, 12), anchor: 'end', fill: ink.ink, tip: name });
    columns.forEach((channel, c) => {
      const shade = shades[r][c];
      const [low, high] = ends[c];
      const value = values[r][c];
      const tip = `${channel} in ${name}\n${input.statistic} ${value === null ? 'of no events' : number(value)}`;
      const fill = shade === null ? ink.line : mapHex(input.map, high > low ? (shade - low) / (high - low) : 0.5, false);
      marks.push({ kind: 'rect', x: left + column * c + 0.5, y: y + 0.5, width: column - 1, height: ROW - 1, fill, tip, data: { row: name, channel, value: value ?? '' } });
    });
  });
  const bottom = top + ROW * rows.length;
  const colors = Array.from({ length: 24 }, (_, i) => mapHex(input.map, i / 23, false));
  const title = input.byColumn ? `${input.statistic}, each channel from its lowest to its highest` : `${input.statistic}, on the scale of its axis`;
  const [low, high] = ends[0] ?? [0, 1];
  marks.push(...colorBar(title, colors, input.byColumn ? ['lowest', 'highest'] : [number(low), number(high)], ink, { x: left, y: bottom + 18 }));
  return { width: Math.max(left + column * columns.length + 8, left + roomOf(title, 12) * BOLDER + 12), height: bottom + 72, marks };
}

function endsOf(values: (number | null)[]): [number, number] {
  const known = values.filter((v): v is number => v !== null);
  return known.length ? [Math.min(...known), Math.max(...known)] : [0, 1];
}
