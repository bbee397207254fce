/** Statistics of populations, channels and files in one table; the same numbers as a file. */

import { useMemo } from 'react';
import { getStatisticsFile, type StatisticsQuery, type StatisticsRow } from '../../api/gating';
import { saveBlob } from '../../render/figure/save';
import { count, number } from '../../data/words';
import { useStatistics } from '../../state/gating/queries';
import { tellError } from '../../state/notices';
import { useViewState } from '../../state/viewState';
import { Button } from '../../views/controls';
import { DataTable, type TableColumn } from '../../views/DataTable';
import { Popover } from '../../views/overlays';
import { ErrorNote } from '../../views/states';
import { channelChoicesOf, labelOf, populationChoices, statisticLabel, STATISTICS, TickMenu, usualChannels } from './choices';
import type { GatingState } from './useGating';

const INITIAL = { populations: ['*'], channels: ['*'], files: ['*'], statistics: ['event_count', 'percent', 'median'], of: 'parent', q: 0.5, sort: 'file', down: false };
const FILES = [
  { layout: 'medium', format: 'csv', title: 'CSV' },
  { layout: 'medium', format: 'xlsx', title: 'Excel (xlsx)' },
  { layout: 'medium', format: 'parquet', title: 'Parquet' },
  { layout: 'tall', format: 'csv', title: 'CSV, one row for each value' },
  { layout: 'wide', format: 'xlsx', title: 'Excel, one row for each file' },
  { layout: 'prism', format: 'csv', title: 'CSV for Prism' },
];
const MOST_CHANNELS = 6;

/** '*' stands for what is usual: all files and populations, the channels with reagents. */
const or = (ticked: string[], usual: string[]) => (ticked.length === 1 && ticked[0] === '*' ? usual : ticked);

export function StatisticsView({ state }: { state: GatingState }) {
  const [kept, change] = useViewState('stats', INITIAL);
  const populations = populationChoices(state);
  const channels = channelChoicesOf(state);
  const files = state.files.map((f) => ({ id: f.dataset.id, label: f.name }));
  const chosen = {
    populations: or(kept.populations, populations.map((p) => p.id)),
    channels: or(kept.channels, usualChannels(state).slice(0, MOST_CHANNELS)),
    files: or(kept.files, files.map((f) => f.id)),
  };
  const perChannel = kept.statistics.filter((id) => STATISTICS.find((s) => s.id === id)?.perChannel);
  const asked: StatisticsQuery = {
    dataset_ids: [...new Set(chosen.files)],
    population_ids: chosen.populations.map((id) => id || null),
    axes: perChannel.length ? chosen.channels : [],
    statistics: kept.statistics,
    compensation: state.layout.compensation,
    ...(kept.statistics.includes('quantile') ? { q: kept.q } : {}),
    ...(kept.statistics.includes('percent') ? { percent_of: [kept.of] } : {}),
  };
  const enabled = asked.dataset_ids.length > 0 && asked.population_ids.length > 0 && asked.statistics.length > 0;
  const query = useStatistics(state.study.id, asked, state.token, enabled);
  const save = (layout: string, format: string) => getStatisticsFile(state.study.id, asked, layout, format).then((blob) => saveBlob(blob, `${state.study.name}, statistics.${format}`), tellError);
  return (
    <>
      <div className="toolbar" role="toolbar" aria-label="Statistics">
        <TickMenu label="Populations" all={populations} ticked={chosen.populations} onChange={(next) => change({ populations: next })} />
        <TickMenu label="Statistics" all={STATISTICS} ticked={kept.statistics} onChange={(next) => change({ statistics: next })} />
        <TickMenu label="Channels" all={channels} ticked={chosen.channels} onChange={(next) => change({ channels: next })} />
        <TickMenu label="Files" all={files} ticked={chosen.files} onChange={(next) => change({ files: next })} />
        {kept.statistics.includes('percent') && (
          <label className="control"><span>percent of</span>
            <select className="input small" value={kept.of} onChange={(e) => change({ of: e.target.value })}>
              <option value="parent">parent</option>
              <option value="grandparent">grandparent</option>
              <option value="total">all events</option>
              {state.populations.map((p) => <option key={p.id} value={p.id}>{p.name}</option>)}
            </select>
          </label>
        )}
        {kept.statistics.includes('quantile') && (
          <label className="control"><span>quantile</span><input className="input small num" style={{ width: 70 }} type="number" min={0} max={1} step={0.05} value={kept.q} onChange={(e) => change({ q: Math.min(1, Math.max(0, Number(e.target.value))) })} /></label>
        )}
        <span className="grow" />
        <Popover label="Save the table" text="Save" icon="download" small menu>
          {(close) => FILES.map(({ layout, format, title }) => <Button key={title} small look="plain" onClick={() => { close(); void save(layout, format); }}>{title}</Button>)}
        </Popover>
      </div>
      {query.error ? <ErrorNote error={query.error} /> : <Table state={state} rows={enabled ? (query.data ?? []) : []} asked={asked} sort={{ key: kept.sort, descending: kept.down }} onSort={(key, down) => change({ sort: key, down })} busy={query.isFetching} />}
    </>
  );
}

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

function Table({ state, rows, asked, sort, onSort, busy }: TableProps) {
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
  const numbers = asked.statistics.flatMap((statistic) => (STATISTICS.find((s) => s.id === statistic)?.perChannel ? asked.axes.map((channel) => ({ statistic, channel })) : [{ statistic, channel: '' }]));
  const text = (statistic: string, value: number | null | undefined) => (value == null ? '–' : statistic === 'event_count' ? count(value) : statistic === 'percent' ? `${value.toFixed(value < 1 ? 2 : 1)} %` : number(value).replace('-', '−'));
  const columns: TableColumn[] = [
    { key: 'file', title: 'File', width: 170, cell: (i) => fileName(lines[i].dataset) },
    { key: 'population', title: 'Population', width: 150, cell: (i) => populationName(lines[i].population) },
    ...state.attributes.map((name): TableColumn => ({ key: `@${name}`, title: name, width: 90, cell: (i) => said(lines[i], name) })),
    ...numbers.map(({ statistic, channel }): TableColumn => ({
      key: `${statistic} ${channel}`,
      title: channel ? `${statisticLabel(statistic)} ${labelOf(state, channel)}` : statisticLabel(statistic),
      num: true,
      width: channel ? 130 : 90,
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
