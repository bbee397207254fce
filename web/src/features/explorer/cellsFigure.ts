/** The plotted cells as files say them: the legend, the numbers, the Python. */

import type { Dataset, TableRecord } from '../../api/types';
import type { Bits } from '../../data/bits';
import type { CategoricalColumn } from '../../data/columns';
import { toCsv, type Cell } from '../../data/csv';
import { literal } from '../../data/python';
import { count, embeddingTitle, number } from '../../data/words';
import { barcodesQuery, queryClient } from '../../state/queries';
import { rampOf } from './ColorPanel';
import { tableCode } from './place';
import type { ExplorerState } from './useExplorer';

const MOST_ROWS = 60;

/** What the colours mean; categories that are hidden are left out. */
export function legendOf({ coloring, view }: ExplorerState, onDark: boolean) {
  const hidden = new Set(view.filters.flatMap((f) => (f.kind === 'categories' && f.column === coloring.title ? f.hidden : [])));
  const { scale } = coloring;
  return {
    title: coloring.title,
    items: coloring.entries?.filter((e) => !hidden.has(e.name)).slice(0, MOST_ROWS).map((e) => ({ label: e.label, color: e.color, count: count(e.count) })) ?? null,
    bar: scale && { colors: rampOf(view.map, onDark), ends: [number(scale.low), (scale.clipped ? '≥ ' : '') + number(scale.high)] as [string, string] },
  };
}

interface Rows {
  group?: CategoricalColumn;
  /** Which cells; null = all, left out = those that are shown. */
  cells?: Bits | null;
}

/** One row a cell: its name, its coordinates, its colour's value, and its group of a further annotation. */
export async function cellsCsv(datasetId: string, tableName: string, state: ExplorerState, { group, cells = state.shown }: Rows = {}): Promise<string> {
  const barcodes = await queryClient.fetchQuery(barcodesQuery(datasetId, tableName));
  const { x, y, coloring, dims } = state;
  const title = embeddingTitle(state.embeddingName ?? '');
  const head = ['barcode', ...dims.map((d) => `${title} ${d + 1}`), coloring.title, ...(group ? [group.name] : [])];
  const rows: Cell[][] = [];
  for (let i = 0; x && y && i < x.length; i++) {
    if (cells && !cells.has(i)) continue;
    rows.push([barcodes(i), x[i], y[i], coloring.describe(i), ...(group ? [group.categories[group.codes[i]] ?? ''] : [])]);
  }
  return toCsv(head, rows);
}

/** The lines that read coordinates, colours and some annotations. */
export function readCells(dataset: Dataset, table: TableRecord, { color, dims, embeddingName }: ExplorerState, annotations: string[]): string[] {
  const isGene = color?.by === 'feature';
  const names = [...new Set([...annotations, ...(color && !isGene ? [color.name] : [])])];
  const colors = isGene ? `table.values([${literal(color.name)}])[${literal(color.name)}]` : `obs[${literal(color?.name ?? '')}]`;
  return [
    `${tableCode(dataset, table)}points = table.embedding(${literal(embeddingName ?? '')})[:, [${dims[0]}, ${dims[1]}]]`,
    ...(names.length ? [`obs = table.obs(${literal(names)})`] : []),
    `colors = ${colors}`,
    'codes = colors.cat.codes if hasattr(colors, "cat") else colors',
    '',
    'import matplotlib.pyplot as plt',
    '',
  ];
}

export function cellsCode(dataset: Dataset, table: TableRecord, state: ExplorerState): string {
  return [
    ...readCells(dataset, table, state, []),
    'figure, axis = plt.subplots()',
    `axis.scatter(*points.T, s=3, c=codes, cmap="${state.coloring.scale ? 'viridis' : 'tab20'}")`,
    `axis.set_title(${literal(state.coloring.title)})`,
    '',
  ].join('\n');
}
