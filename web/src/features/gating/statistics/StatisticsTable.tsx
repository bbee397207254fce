/** Statistics of populations and files, row by row. */

import { useMemo } from 'react';
import type { StatisticsQuery, StatisticsRow } from '../../../api/gating';
import { count, number } from '../../../data/words';
import { DataTable, type TableColumn } from '../../../views/DataTable';
import { labelOf, populationChoices, statisticLabel, STATISTICS } from '../choices';
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
  /** Ratios and concentrations may be small: four digits count. */
  const isSmall = (statistic: string, value: number) => Math.abs(value) < 1 && (statistic === 'events_per_ul' || statistic in (asked.formulas ?? {}));
  const text = (statistic: string, value: number | null | undefined) => (value == null ? '–' : statistic === 'event_count' ? count(value) : statistic === 'percent' ? `${value.toFixed(value < 1 ? 2 : 1)} %` : (isSmall(statistic, value) ? String(Number(value.toPrecision(4))) : number(value)).replace('-', '−'));
  const columns: TableColumn[] = [
    { key: 'file', title: 'File', width: 150, stays: true, cell: (i) => fileName(lines[i].dataset) },
    { key: 'population', title: 'Population', width: 130, stays: true, cell: (i) => populationName(lines[i].population) },
    ...state.attributes.map((name): TableColumn => ({ key: `@${name}`, title: name, width: 80, cell: (i) => said(lines[i], name) })),
    ...numbers.map(({ statistic, channel }): TableColumn => ({
      key: `${statistic} ${channel}`,
      title: channel ? `${statisticLabel(statistic)} ${labelOf(state, channel)}` : statisticLabel(statistic),
      num: true,
      width: channel || !STATISTICS.some((s) => s.id === statistic) ? 124 : 84,
      cell: (i) => text(statistic, lines[i].values.get(`${statistic} ${channel}`)),
    })),
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
