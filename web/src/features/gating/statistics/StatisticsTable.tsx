/** Statistics of populations and files, row by row. */

import { useMemo } from 'react';
import type { StatisticsQuery, StatisticsRow } from '../../../api/gating';
import { count } from '../../../data/words';
import { DataTable, type TableColumn } from '../../../views/DataTable';
import { alignedNumbers, widthOf } from './columns';
import { titleOf, populationChoices, statisticLabel, STATISTICS } from '../choices';
import type { GatingState } from '../useGating';

interface Line {
  dataset: string;
  population: string | null;
  values: Map<string, number | null>;
}

const keyOf = (row: Pick<StatisticsRow, 'statistic' | 'axis'>) => `${row.statistic} ${row.axis}`;

interface TableProps {
  state: GatingState;
  rows: StatisticsRow[];
  asked: StatisticsQuery;
  sort: { key: string; descending: boolean };
  onSort: (key: string, descending: boolean) => void;
  busy: boolean;
}

export function StatisticsTable({ state, rows, asked, sort, onSort, busy }: TableProps) {
  const lines = useMemo(() => {
    const found = new Map<string, Line>();
    for (const row of rows) {
      const key = `${row.dataset_id} ${row.population_id}`;
      const line = found.get(key) ?? { dataset: row.dataset_id, population: row.population_id, values: new Map<string, number | null>() };
      line.values.set(keyOf(row), row.value);
      found.set(key, line);
    }
    return [...found.values()];
  }, [rows]);
  const fileName = (id: string) => state.files.find((f) => f.dataset.id === id)?.name ?? id;
  const said = (line: Line, name: string) => state.files.find((f) => f.dataset.id === line.dataset)?.annotations[name] ?? '';
  const populationName = (id: string | null) => populationChoices(state).find((p) => p.id === (id ?? ''))?.label ?? '';
  const isPerChannel = (statistic: string) => STATISTICS.find((s) => s.id === statistic)?.perChannel ?? false;
  const numbers = [
    ...[...asked.statistics.filter((s) => !isPerChannel(s)), ...Object.keys(asked.formulas ?? {})].map((statistic) => ({ statistic, channel: '' })),
    ...asked.statistics.filter(isPerChannel).flatMap((statistic) => asked.axes.map((channel) => ({ statistic, channel }))),
  ];
  const texts = (statistic: string, key: string): string[] => {
    const values = lines.map((line) => line.values.get(key) ?? null);
    if (statistic === 'event_count') return values.map(count);
    if (statistic === 'percent') return values.map((v) => (v == null ? '–' : `${v.toFixed(v < 1 ? 2 : 1)} %`));
    return alignedNumbers(values);
  };
  /** A column that is as wide as what stands in it. */
  const fitted = (column: Omit<TableColumn, 'cell' | 'width'>, cells: string[]): TableColumn => ({ ...column, width: widthOf([column.over ?? '', sort.key === column.key ? `${column.title} ↓` : column.title], cells), cell: (i) => cells[i] });
  const columns: TableColumn[] = [
    fitted({ key: 'file', title: 'File', stays: true }, lines.map((line) => fileName(line.dataset))),
    fitted({ key: 'population', title: 'Population', stays: true }, lines.map((line) => populationName(line.population))),
    ...state.attributes.map((name) => fitted({ key: `@${name}`, title: name }, lines.map((line) => String(said(line, name))))),
    ...numbers.map(({ statistic, channel }) => {
      const [key, label] = [`${statistic} ${channel}`, statisticLabel(statistic)];
      return fitted({ key, num: true, ...(channel ? { over: label, title: titleOf(state, channel) } : { title: label }) }, texts(statistic, key));
    }),
  ];
  const order = lines.map((_, i) => i);
  if (sort.key !== 'file' || sort.descending) {
    const value = (i: number) => (sort.key === 'file' ? fileName(lines[i].dataset) : sort.key === 'population' ? populationName(lines[i].population) : sort.key.startsWith('@') ? said(lines[i], sort.key.slice(1)) : (lines[i].values.get(sort.key) ?? -Infinity));
    order.sort((a, b) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0) * (sort.descending ? -1 : 1));
  }
  return (
    <div className="statistics" aria-busy={busy}>
      <DataTable label="Statistics of populations" columns={columns} rows={order} sorting={sort} onSort={(s) => onSort(s.key, s.descending)} current={null} onPick={(i) => state.go({ file: state.files.find((f) => f.dataset.id === lines[i].dataset)?.key ?? '', population: lines[i].population ?? '', view: 'plots' })} empty={busy ? 'Counting…' : 'Choose populations, statistics and files above.'} />
    </div>
  );
}
