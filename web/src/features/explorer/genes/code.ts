/** Dots and heat maps in Python. */

import type { Dataset, TableRecord } from '../../../api/types';
import { literal, selectionLine } from '../../../data/python';
import type { Selection } from '../../../data/selections';
import type { Scaling } from '../../../data/summary';
import { tableCode } from '../place';

interface Parts {
  dataset: Dataset;
  table: TableRecord;
  genes: string[];
  by: string;
  shape: 'dots' | 'cells';
  scaling: Scaling;
  threshold: number;
  /** null = all cells */
  selection: Selection | null;
}

const SCALES: Record<Scaling, string[]> = {
  none: [],
  gene: ['means = (means - means.min()) / (means.max() - means.min())'],
  z: ['means = (means - means.mean()) / means.std()'],
};

export function gridCode({ dataset, table, genes, by, shape, scaling, threshold, selection }: Parts): string {
  const more = (threshold ? `, threshold=${threshold}` : '') + (selection ? ', selection=selection' : '');
  const drawn =
    shape === 'cells'
      ? [`picture = axis.imshow(means, aspect="auto", cmap="${scaling === 'z' ? 'RdBu_r' : 'viridis'}")`]
      : [
          'shares = summary.pivot(index="group", columns="feature", values="share").loc[means.index, genes]',
          'rows, columns = means.index, means.columns',
          'places = [(x, y) for y in range(len(rows)) for x in range(len(columns))]',
          'picture = axis.scatter(*zip(*places), s=150 * shares.to_numpy().ravel(), c=means.to_numpy().ravel())',
          'axis.invert_yaxis()',
        ];
  return [
    tableCode(dataset, table) + `genes = ${literal(genes)}`,
    ...(selection ? [selectionLine(selection)] : []),
    `summary = table.summary(genes, by=${literal(by)}${more})`,
    'means = summary.pivot(index="group", columns="feature", values="mean")',
    'means = means.loc[summary["group"].drop_duplicates(), genes]',
    ...SCALES[scaling],
    '',
    'import matplotlib.pyplot as plt',
    '',
    'figure, axis = plt.subplots()',
    ...drawn,
    'axis.set_xticks(range(len(genes)), genes, rotation=90)',
    'axis.set_yticks(range(len(means)), means.index)',
    'figure.colorbar(picture, label="mean")',
    '',
  ].join('\n');
}
