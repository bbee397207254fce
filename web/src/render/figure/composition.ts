/** Stacked bars: what each group consists of. */

import { categoryTotal, groupTotal, type Crosstab } from '../../data/crosstab';
import { count } from '../../data/words';
import { bottomAxis, legend, legendHeight, LEGEND_WIDTH, linear, NARROW, roomFor } from './parts';
import type { Ink, Mark, Scene } from './scene';
import { shortened } from './widths';

export interface CompositionInput {
  tab: Crosstab;
  colors: Map<string, string>;
  /** Name of the annotation that the bars are divided by. */
  title: string;
  as: 'share' | 'count';
}

const BAR = 22;
const GAP = 8;

export const percent = (share: number) => `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;

export function drawComposition({ tab, colors, title, as }: CompositionInput, ink: Ink, width: number): Scene {
  const left = roomFor(tab.groups, width);
  const isNarrow = width < NARROW;
  const right = Math.max(left + 120, width - (isNarrow ? 50 : LEGEND_WIDTH + 90));
  const bottom = tab.groups.length * (BAR + GAP);
  const totals = tab.groups.map((_, g) => groupTotal(tab, g));
  const high = as === 'share' ? 1 : Math.max(1, ...totals);
  const x = linear(0, high, left, right);
  const n = tab.categories.length;
  const axis = as === 'share' ? { title: 'Share of the cells', spell: percent } : { title: 'Cells', spell: count };
  const marks: Mark[] = bottomAxis({ ink, low: 0, high, ...axis }, { left, right, top: 0, bottom });
  tab.groups.forEach((group, g) => {
    const y = g * (BAR + GAP) + GAP / 2;
    const scale = as === 'share' ? totals[g] : 1;
    marks.push({ kind: 'text', x: left - 8, y: y + BAR / 2, text: shortened(group, left - 12, 12), anchor: 'end', fill: ink.ink, tip: group });
    let sum = 0;
    tab.categories.forEach((category, c) => {
      const cells = tab.counts[g * n + c];
      if (cells === 0) return;
      const start = x(sum / scale);
      sum += cells;
      const share = cells / totals[g];
      const tip = `${category}\n${group}: ${count(cells)} of ${count(totals[g])} cells, ${percent(share)}`;
      marks.push({ kind: 'rect', x: start, y, width: x(sum / scale) - start, height: BAR, fill: colors.get(category) ?? ink.soft, stroke: ink.paper, tip, data: { group, category, n: cells, share } });
    });
    marks.push({ kind: 'text', x: x(sum / scale) + 6, y: y + BAR / 2, text: count(totals[g]), size: 11, fill: ink.soft, tip: `${group}: ${count(totals[g])} cells` });
  });
  const items = tab.categories.map((label, c) => ({ label, color: colors.get(label) ?? ink.soft, count: count(categoryTotal(tab, c)) }));
  const at = isNarrow ? { x: left, y: bottom + 56 } : { x: right + 70, y: 4 };
  marks.push(...legend(title, items, ink, at));
  return { width: Math.max(right + 50, at.x + LEGEND_WIDTH), height: Math.max(bottom + 44, at.y + legendHeight(n)), marks };
}
