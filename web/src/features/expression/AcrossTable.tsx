/** The numbers behind the dots, as a table that is sorted and leads to the studies. */

import { useMemo, useState } from 'react';
import { meanOf, rateOf, type AcrossCell } from '../../data/across';
import { orderByNumbers, orderByTexts, rowsThat } from '../../data/ranking';
import { count } from '../../data/words';
import { DataTable, type Sorting, type TableColumn } from '../../views/DataTable';

export function AcrossTable({ cells, onOpen }: { cells: AcrossCell[]; onOpen: (studyId: string, datasetId: string) => void }) {
  const [sorting, setSorting] = useState<Sorting>({ key: 'rate', descending: true });
  const values = useMemo(
    (): Record<string, Float64Array> => ({
      mean: Float64Array.from(cells, meanOf),
      rate: Float64Array.from(cells, rateOf),
      count: Float64Array.from(cells, (c) => c.count),
      total: Float64Array.from(cells, (c) => c.total),
    }),
    [cells],
  );
  const rows = useMemo(() => {
    const all = rowsThat(cells.length, () => true);
    const numbers = values[sorting.key];
    if (numbers) return orderByNumbers(all, numbers, sorting.descending);
    return orderByTexts(all, cells.map((c) => (sorting.key === 'study' ? c.study : c.cellType)), sorting.descending);
  }, [cells, values, sorting]);
  const columns: TableColumn[] = [
    { key: 'type', title: 'Cell type', cell: (i) => cells[i].cellType },
    { key: 'study', title: 'Study', cell: (i) => cells[i].study },
    { key: 'rate', title: 'Expressing', help: 'Share of the cells in which the gene was seen', num: true, width: 100, cell: (i) => `${(100 * values.rate[i]).toFixed(1)} %` },
    { key: 'mean', title: 'Mean', help: 'Mean over the cells that express it, ln(1 + counts per 10,000)', num: true, width: 80, cell: (i) => values.mean[i].toFixed(2) },
    { key: 'count', title: 'Expressing cells', num: true, width: 130, cell: (i) => count(cells[i].count) },
    { key: 'total', title: 'Cells', num: true, width: 90, cell: (i) => count(cells[i].total) },
  ];
  return <DataTable label="Cell types and studies" columns={columns} rows={rows} sorting={sorting} onSort={setSorting} current={null} onPick={(i) => onOpen(cells[i].studyId, cells[i].datasetId)} empty="" />;
}
