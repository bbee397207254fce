/** The violins in Python. */

import type { Dataset, TableRecord } from '../../../api/types';
import { literal, selectionLine } from '../../../data/python';
import type { Selection } from '../../../data/selections';
import { tableCode } from '../place';

interface Parts {
  dataset: Dataset;
  table: TableRecord;
  genes: string[];
  by: string;
  split: string;
  bandwidth: number;
  /** null = all cells */
  selection: Selection | null;
}

export function violinCode({ dataset, table, genes, by, split, bandwidth, selection }: Parts): string {
  const grouped = `by=${literal(by)}${split ? `, split_by=${literal(split)}` : ''}${selection ? ', selection=selection' : ''}`;
  const more = bandwidth === 1 ? '' : `, bandwidth=${bandwidth}`;
  return [
    tableCode(dataset, table) + `genes = ${literal(genes)}`,
    ...(selection ? [selectionLine(selection)] : []),
    `summary = table.summary(genes, ${grouped})`,
    `violins = {gene: table.violins(gene, ${grouped}${more}) for gene in genes}`,
    '',
    'import matplotlib.pyplot as plt',
    '',
    'figure, axes = plt.subplots(1, len(genes), sharey=True, squeeze=False)',
    'for axis, gene in zip(axes[0], genes):',
    '    groups = [rows for _, rows in violins[gene].groupby(["group", "split"], sort=False)]',
    '    for place, rows in enumerate(groups):',
    '        half = 0.4 * rows["density"] / rows["density"].max()',
    '        axis.fill_between(rows["value"], place - half, place + half)',
    '    axis.set_title(gene)',
    '    axis.set_yticks(range(len(groups)), [f"{r.group.iat[0]} {r.split.iat[0]}" for r in groups])',
    '',
  ].join('\n');
}
