/** Violins: groups below one another, a column for each gene; how values spread, their quartiles and median. */

import { unique, type GroupRow, type Violin } from '../../data/summary';
import { count, number } from '../../data/words';
import { percent } from './composition';
import { bottomAxis, legend, legendHeight, LEGEND_WIDTH, linear, NARROW, roomFor, type LegendItem } from './parts';
import type { Ink, Mark, Scene } from './scene';
import { shortened } from './widths';

export interface GeneViolins {
  gene: string;
  violins: Violin[];
}

export interface ViolinInput {
  genes: GeneViolins[];
  rows: GroupRow[];
  /** Of the groups; of the splits where there are some. */
  colors: Map<string, string>;
  /** Title of the legend of the splits; null where nothing splits. */
  split: string | null;
  unit: string;
}

const GAP = 20;
const key = (gene: string, group: string, split: string) => `${gene}\n${group}\n${split}`;

export function drawViolins(input: ViolinInput, ink: Ink, width: number, height: number): Scene {
  const { genes, rows, split } = input;
  const groups = unique(rows.map((r) => r.group));
  const splits = unique(rows.map((r) => r.split));
  const left = roomFor(groups, width);
  const beside = split !== null && width >= NARROW ? LEGEND_WIDTH + 24 : 0;
  const column = Math.max(110, (width - left - beside - GAP * (genes.length - 1) - 12) / Math.max(1, genes.length));
  const row = Math.max(15 * splits.length + 10, 26, Math.min(56, (height - 80) / Math.max(1, groups.length)));
  const top = 26;
  const bottom = top + row * groups.length;
  const marks: Mark[] = [];
  genes.forEach(({ gene, violins }, i) => {
    const from = left + i * (column + GAP);
    const of = rows.filter((r) => r.feature === gene);
    const [low, high] = [Math.min(0, ...of.map((r) => r.quantiles[0])), Math.max(...of.map((r) => r.quantiles[4]), 0.1)];
    const at = { left: from, right: from + column, top, bottom };
    marks.push({ kind: 'text', x: from, y: 10, text: gene, bold: true, fill: ink.ink, id: gene });
    marks.push(...bottomAxis({ ink, title: i === 0 || column > 220 ? input.unit : '', low, high }, at));
    const x = linear(low, high, at.left, at.right);
    const found = new Map(of.map((r) => [key(gene, r.group, r.split), r]));
    for (const violin of violins) {
      const part = row / splits.length;
      const s = splits.indexOf(violin.split);
      const y = top + groups.indexOf(violin.group) * row + (split === null ? row / 2 : 5 + (s + 0.5) * ((row - 10) / splits.length));
      const summary = found.get(key(gene, violin.group, violin.split));
      const color = input.colors.get(split === null ? violin.group : violin.split) ?? ink.soft;
      if (summary) marks.push(...one(violin, summary, { gene, x, y, half: Math.min(part, row) * (split === null ? 0.42 : 0.36), color, ink }));
    }
  });
  groups.forEach((group, g) => {
    const y = top + row * (g + 0.5);
    marks.push({ kind: 'text', x: left - 10, y, text: shortened(group, left - 14, 12), anchor: 'end', fill: ink.ink, tip: group });
  });
  const right = left + genes.length * (column + GAP) - GAP;
  const scene = { width: right + 12, height: bottom + 44, marks };
  return split === null ? scene : withLegend(scene, input, splits, { ink, isBelow: !beside, left, right });
}

function withLegend(scene: Scene, { rows, colors, split }: ViolinInput, splits: string[], at: { ink: Ink; isBelow: boolean; left: number; right: number }): Scene {
  const first = rows.filter((r) => r.feature === rows[0].feature);
  const items: LegendItem[] = splits.map((label) => ({
    label,
    color: colors.get(label) ?? at.ink.soft,
    count: count(first.filter((r) => r.split === label).reduce((sum, r) => sum + r.n, 0)),
  }));
  const place = at.isBelow ? { x: at.left, y: scene.height + 8 } : { x: at.right + 24, y: 4 };
  return {
    width: Math.max(scene.width, place.x + LEGEND_WIDTH),
    height: Math.max(scene.height, place.y + legendHeight(items.length)),
    marks: [...scene.marks, ...legend(split ?? '', items, at.ink, place)],
  };
}

interface At {
  gene: string;
  x: (v: number) => number;
  y: number;
  half: number;
  color: string;
  ink: Ink;
}

/** All violins are equally high at their highest: they tell shapes, the numbers of cells stand in the tips. */
function one(violin: Violin, row: GroupRow, { gene, x, y, half, color, ink }: At): Mark[] {
  const [, q25, q50, q75] = row.quantiles;
  const name = violin.split ? `${violin.group}, ${violin.split}` : violin.group;
  const tip = [`${gene} in ${name}`, `median ${number(q50)}, quartiles ${number(q25)} and ${number(q75)}`, `mean ${number(row.mean)}`, `${percent(row.share)} of ${count(row.n)} cells express it`].join('\n');
  const data = { feature: gene, group: violin.group, split: violin.split, n: row.n, mean: row.mean, median: q50, share: row.share, bandwidth: violin.bandwidth };
  const marks: Mark[] = [];
  if (violin.bandwidth > 0) {
    const most = violin.densities.reduce((a, v) => Math.max(a, v), 0);
    const upper: number[] = [];
    const lower: number[] = [];
    violin.values.forEach((v, i) => {
      const w = (violin.densities[i] / most) * half;
      upper.push(x(v), y - w);
      lower.unshift(x(v), y + w);
    });
    marks.push({ kind: 'area', points: [...upper, ...lower], closed: true, fill: color, opacity: 0.75, stroke: color, tip, data });
  } else {
    marks.push({ kind: 'line', x1: x(q50), x2: x(q50), y1: y - half * 0.6, y2: y + half * 0.6, stroke: color, width: 3, tip, data });
  }
  marks.push({ kind: 'line', x1: x(q25), x2: x(q75), y1: y, y2: y, stroke: ink.ink, width: 2.5, tip });
  marks.push({ kind: 'circle', x: x(q50), y, r: 3, fill: ink.paper, stroke: ink.ink, tip });
  return marks;
}
