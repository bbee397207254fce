/** Groups × genes: as dots whose size is the share of expressing cells, or as a heat map. Colours are means. */

import { mapHex, type MapName } from '../../data/colors';
import { scaled, unique, type GroupRow, type Scaling } from '../../data/summary';
import { count, number } from '../../data/words';
import { percent } from './composition';
import { colorBar, NARROW, roomFor } from './parts';
import type { Ink, Mark, Scene } from './scene';
import { roomOf, shortened } from './widths';

export interface GridInput {
  rows: GroupRow[];
  genes: string[];
  shape: 'dots' | 'cells';
  scaling: Scaling;
  map: MapName;
  unit: string;
  /** Of each gene the group whose marker it is. */
  markerOf?: Map<string, string>;
}

const LEGEND = 170;
const [LEAST, MOST] = [14, 40];
const ROW = 26;
/** Room for the names below brackets. */
const BRACKETS = 110;
/** The same where none stands upright. */
const LYING = 36;
const SHARES = [0.25, 0.5, 0.75, 1];

const TITLES: Record<Scaling, string> = { none: 'Mean', gene: 'Mean, each gene 0 to 1', z: 'Mean, z-score' };

interface Layout {
  left: number;
  top: number;
  column: number;
  groups: string[];
  /** values[g][f] */
  values: number[][];
  low: number;
  high: number;
}

function layOut({ rows, genes, scaling, map }: GridInput, width: number): Layout {
  const groups = unique(rows.map((r) => r.group));
  const held = new Map(rows.map((r) => [`${r.group}\n${r.feature}`, r]));
  const columns = genes.map((gene) => scaled(groups.map((group) => held.get(`${group}\n${gene}`)?.mean ?? NaN), scaling));
  const values = groups.map((_, g) => genes.map((_, f) => columns[f][g]));
  const all = values.flat().filter((v) => !Number.isNaN(v));
  let [low, high] = [Math.min(0, ...all), Math.max(...all, 0)];
  if (map === 'diverging') {
    high = Math.max(-low, high);
    low = -high;
  }
  const left = roomFor(groups, width);
  const legend = width < NARROW ? 0 : LEGEND + 24;
  const column = Math.max(LEAST, Math.min(MOST, (width - left - legend) / Math.max(1, genes.length)));
  const top = Math.min(130, Math.max(30, ...genes.map((gene) => roomOf(gene, 12))) + 8);
  return { left, top, column, groups, values, low, high: high > low ? high : low + 1 };
}

export function drawGrid(input: GridInput, ink: Ink, width: number): Scene {
  const { genes, shape, map } = input;
  const at = layOut(input, width);
  const { left, top, column, groups } = at;
  const color = (v: number) => mapHex(map, (v - at.low) / (at.high - at.low), shape === 'dots' && ink.dark);
  const right = left + column * genes.length;
  const bottom = top + ROW * groups.length;
  const most = Math.min(column, ROW) / 2 - 1;
  const held = new Map(input.rows.map((r) => [`${r.group}\n${r.feature}`, r]));
  const marks: Mark[] = genes.map((gene, f) => ({ kind: 'text', x: left + column * (f + 0.5), y: top - 8, text: shortened(gene, 120, 12), turn: 90, fill: ink.ink, tip: gene, id: gene }));
  groups.forEach((group, g) => {
    const y = top + ROW * (g + 0.5);
    marks.push({ kind: 'text', x: left - 8, y, text: shortened(group, left - 12, 12), anchor: 'end', fill: ink.ink, tip: group });
    if (shape === 'dots') marks.push({ kind: 'line', x1: left, x2: right, y1: y, y2: y, stroke: ink.line });
    genes.forEach((gene, f) => {
      const row = held.get(`${group}\n${gene}`);
      if (!row) return;
      const x = left + column * (f + 0.5);
      const v = at.values[g][f];
      const lines = [`${gene} in ${group}`, `mean ${number(row.mean)}${input.scaling === 'none' ? '' : `, shown as ${number(v)}`}`, `${percent(row.share)} of ${count(row.n)} cells express it`];
      const told = { tip: lines.join('\n'), id: gene, data: { feature: gene, group, mean: row.mean, share: row.share, n: row.n, shown: v } };
      if (shape === 'dots') marks.push({ kind: 'circle', x, y, r: Math.max(0.7, most * Math.sqrt(row.share)), fill: color(v), ...told });
      else marks.push({ kind: 'rect', x: x - column / 2, y: y - ROW / 2, width: column, height: ROW, fill: color(v), stroke: ink.paper, ...told });
    });
  });
  const below = input.markerOf ? brackets(input.markerOf, at, genes, bottom, ink) : [];
  marks.push(...below);
  const tall = below.some((mark) => mark.kind === 'text' && mark.turn) ? BRACKETS : below.length ? LYING : 12;
  // also below where the genes take all the room
  const isBelow = right + 24 + LEGEND > width;
  const place = isBelow ? { x: left, y: bottom + tall + 4 } : { x: right + 24, y: top };
  marks.push(...legends(input, at, most, place, ink));
  return { width: Math.max(right, place.x + LEGEND), height: Math.max(bottom + tall, place.y + (shape === 'dots' ? 160 : 64)), marks };
}

function legends({ shape, scaling, map, unit }: GridInput, at: Layout, most: number, place: { x: number; y: number }, ink: Ink): Mark[] {
  const onDark = shape === 'dots' && ink.dark;
  const steps = Array.from({ length: 48 }, (_, i) => mapHex(map, i / 47, onDark));
  const marks = colorBar(TITLES[scaling], steps, [number(at.low), number(at.high)], ink, place);
  if (scaling === 'none') marks.push({ kind: 'text', x: place.x, y: place.y + 56, text: unit, size: 11, fill: ink.soft });
  if (shape === 'cells') return marks;
  const top = place.y + 84;
  marks.push({ kind: 'text', x: place.x, y: top, text: 'Cells that express it', bold: true, fill: ink.ink });
  SHARES.forEach((share, i) => {
    const x = place.x + 16 + i * 38;
    marks.push({ kind: 'circle', x, y: top + 24, r: most * Math.sqrt(share), fill: ink.soft });
    marks.push({ kind: 'text', x, y: top + 48, text: percent(share), size: 11, anchor: 'middle', fill: ink.soft });
  });
  return marks;
}

/** Below the genes: whose markers they are. Names stand upright where one has too little room. */
function brackets(markerOf: Map<string, string>, at: Layout, genes: string[], bottom: number, ink: Ink): Mark[] {
  const runs: { group: string; x1: number; x2: number }[] = [];
  for (let first = 0; first < genes.length; ) {
    const group = markerOf.get(genes[first]) ?? '';
    let end = first;
    while (end < genes.length && markerOf.get(genes[end]) === group) end++;
    runs.push({ group, x1: at.left + at.column * first + 2, x2: at.left + at.column * end - 2 });
    first = end;
  }
  const stands = runs.some(({ group, x1, x2 }) => roomOf(group, 11) > x2 - x1);
  return runs.flatMap(({ group, x1, x2 }): Mark[] => {
    const told = { fill: ink.soft, size: 11, tip: `Markers of ${group}` };
    const x = (x1 + x2) / 2;
    return [
      { kind: 'line', x1, x2, y1: bottom + 6, y2: bottom + 6, stroke: ink.soft, width: 1.5, tip: told.tip },
      stands
        ? { kind: 'text', x, y: bottom + 12, text: shortened(group, BRACKETS - 14, 11), anchor: 'end', turn: 90, ...told }
        : { kind: 'text', x, y: bottom + 18, text: group, anchor: 'middle', ...told },
    ];
  });
}
