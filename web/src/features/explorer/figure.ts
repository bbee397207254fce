/** The plot with its legend as a PNG file. */

import { count, embeddingTitle, number } from '../../data/words';
import { compose, savePng } from '../../render/legendImage';
import { shownTheme } from '../../state/theme';
import { rampOf } from './ColorPanel';
import type { PlotHandle } from './Plot';
import type { ExplorerState } from './useExplorer';

const MOST_ROWS = 40;

export async function saveFigure(plot: PlotHandle | null, state: ExplorerState, place: string[]): Promise<void> {
  const ratio = 2;
  const picture = plot?.snapshot(ratio);
  if (!picture) return;
  const { coloring, view } = state;
  const hidden = new Set(view.filters.flatMap((f) => (f.kind === 'categories' && f.column === coloring.title ? f.hidden : [])));
  const rows = (coloring.entries ?? []).filter((e) => !hidden.has(e.name));
  const css = getComputedStyle(document.documentElement);
  const shown = state.shown ? state.shown.count() : state.n;
  const file = compose({
    plot: picture,
    pixelRatio: ratio,
    title: coloring.title,
    lines: [...place, `${embeddingTitle(state.embeddingName ?? '')}, ${count(shown)} cells`],
    rows: rows.slice(0, MOST_ROWS).map((e) => ({ label: e.label, count: count(e.count), color: e.color })),
    bar: coloring.scale
      ? { colors: rampOf(view.map, shownTheme.get() === 'dark'), low: number(coloring.scale.low), high: (coloring.scale.clipped ? '≥ ' : '') + number(coloring.scale.high) }
      : null,
    ink: css.getPropertyValue('--ink').trim(),
    paper: css.getPropertyValue('--paper').trim(),
  });
  await savePng(file, `${coloring.title || 'plot'}.png`.replace(/[^\w.\- ]+/g, '_'));
}
