/** Dots of studies × cell types: size = how many cells express the gene, colour = how strongly those do. */

import { meanOf, rateOf, type AcrossGrid } from '../../data/across';
import { mapHex } from '../../data/colors';
import { count, number } from '../../data/words';
import { colorBar, NARROW, roomFor } from './parts';
import type { Ink, Mark, Scene } from './scene';
import { roomOf, shortened } from './widths';

const ROW = 26;
const MOST_R = 11;
const KEY_WIDTH = 170;

const percent = (share: number) => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
export const radiusOf = (rate: number) => MOST_R * Math.sqrt(Math.max(0, rate));

export function drawAcross(grid: AcrossGrid, gene: string, ink: Ink, width: number): Scene {
  const { studies, types, cells } = grid;
  const left = roomFor(types, width);
  const isNarrow = width < NARROW;
  const head = Math.min(150, Math.max(24, ...studies.map((s) => 0.72 * roomOf(s.name, 12) + 16)));
  const room = width - left - (isNarrow ? 20 : KEY_WIDTH + 40);
  const step = Math.max(28, Math.min(90, room / Math.max(1, studies.length)));
  const bottom = head + types.length * ROW;
  const right = left + step * studies.length;
  const high = Math.max(1e-9, ...cells.map(meanOf));
  const marks: Mark[] = [];
  types.forEach((type, t) => {
    const y = head + (t + 0.5) * ROW;
    marks.push({ kind: 'line', x1: left, x2: right, y1: y, y2: y, stroke: ink.line });
    marks.push({ kind: 'text', x: left - 8, y, text: shortened(type, left - 12, 12), anchor: 'end', fill: ink.ink, tip: type });
  });
  studies.forEach((study, s) => {
    marks.push({ kind: 'text', x: left + (s + 0.5) * step, y: head - 10, text: shortened(study.name, 190, 12), anchor: 'start', turn: 38, fill: ink.ink, tip: study.name, id: `study ${study.id}` });
  });
  const column = new Map(studies.map((s, i) => [s.id, i]));
  const row = new Map(types.map((name, i) => [name, i]));
  for (const cell of cells) {
    const [mean, rate] = [meanOf(cell), rateOf(cell)];
    const at = { x: left + ((column.get(cell.studyId) ?? 0) + 0.5) * step, y: head + ((row.get(cell.cellType) ?? 0) + 0.5) * ROW };
    const tip = `${cell.cellType}, ${cell.study}\n${gene}: ${count(cell.count)} of ${count(cell.total)} cells, ${percent(rate)}\nmean of these ${number(mean)}`;
    const told = { tip, id: `dataset ${cell.studyId} ${cell.datasetId}`, data: { study: cell.study, type: cell.cellType, mean, rate, total: cell.total } };
    // a cell type that does not express it was looked at: a small ring says so
    marks.push(rate > 0 ? { kind: 'circle', ...at, r: Math.max(1.5, radiusOf(rate)), fill: mapHex('viridis', mean / high, ink.dark), ...told } : { kind: 'circle', ...at, r: 1.5, fill: 'none', stroke: ink.soft, ...told });
  }
  const key = isNarrow ? { x: left, y: bottom + 20 } : { x: right + 40, y: head };
  marks.push(...sizeKey(ink, key), ...colorBar('Mean where expressed', Array.from({ length: 24 }, (_, i) => mapHex('viridis', i / 23, ink.dark)), ['0', number(high)], ink, { x: key.x, y: key.y + 56 }));
  return { width: Math.max(width - 8, key.x + KEY_WIDTH, right + 60), height: Math.max(bottom + 16, key.y + 110), marks };
}

function sizeKey(ink: Ink, at: { x: number; y: number }): Mark[] {
  const marks: Mark[] = [{ kind: 'text', x: at.x, y: at.y + 6, text: 'Cells that express it', bold: true, fill: ink.ink }];
  let x = at.x;
  for (const rate of [0.1, 0.5, 1]) {
    const r = radiusOf(rate);
    const text = percent(rate);
    marks.push({ kind: 'circle', x: x + r, y: at.y + 28, r, fill: ink.soft }, { kind: 'text', x: x + 2 * r + 4, y: at.y + 28, text, size: 11, fill: ink.soft });
    x += 2 * r + 12 + roomOf(text, 11);
  }
  return marks;
}
