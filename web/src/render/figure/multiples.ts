/** An embedding, or panels of it side by side with their names, and the legend of the colours: for files. */

import { colorBar, legend, legendHeight, LEGEND_WIDTH, type LegendItem } from './parts';
import { shiftAll, type Ink, type Mark, type Scene } from './scene';
import { shortened } from './widths';

export interface MultiplesInput {
  /** `marks` lie within the width and height of a panel. */
  panels: { name: string; count: string; marks: Mark[] }[];
  width: number;
  height: number;
  columns: number;
  title: string;
  items: LegendItem[] | null;
  bar: { colors: string[]; ends: [string, string] } | null;
}

const NAMES = 24;
const GAP = 12;

export function drawMultiples({ panels, width, height, columns, title, items, bar }: MultiplesInput, ink: Ink): Scene {
  const head = panels.some((p) => p.name) ? NAMES : 0;
  const marks: Mark[] = panels.flatMap(({ name, count, marks: cells }, i): Mark[] => {
    const x = (i % columns) * (width + GAP);
    const y = Math.floor(i / columns) * (height + head + GAP);
    return [
      { kind: 'text', x, y: y + 10, text: shortened(name, width - 60, 12), bold: true, fill: ink.ink },
      { kind: 'text', x: x + width, y: y + 10, text: count, anchor: 'end', size: 11, fill: ink.soft },
      ...shiftAll(cells, x, y + head),
    ];
  });
  const right = Math.min(columns, panels.length) * (width + GAP) + GAP;
  const bottom = Math.ceil(panels.length / columns) * (height + head + GAP);
  if (items) marks.push(...legend(title, items, ink, { x: right, y: 4 }));
  if (bar) marks.push(...colorBar(title, bar.colors, bar.ends, ink, { x: right, y: 4 }));
  return { width: right + LEGEND_WIDTH, height: Math.max(bottom, legendHeight(items?.length ?? 2)), marks };
}
