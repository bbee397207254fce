/** What marks each group of cells: its best genes, with how sure, how much, and in how many cells. */

import { useQuery } from '@tanstack/react-query';
import { useCallback, useMemo } from 'react';
import { isApiError } from '../../../api/http';
import { categoryColors } from '../../../data/colors';
import { toCsv } from '../../../data/csv';
import { countCategories } from '../../../data/legend';
import { bestOf, markerGroups, type MarkerGroup } from '../../../data/markers';
import { cells, number } from '../../../data/words';
import { saveBlob } from '../../../render/figure/save';
import { useMarkers, useRun } from '../../../state/analyses';
import { tell } from '../../../state/notices';
import { columnQuery } from '../../../state/queries';
import { useViewState } from '../../../state/viewState';
import { Button } from '../../../views/controls';
import { Empty, ErrorNote, Skeleton } from '../../../views/states';
import { RunLine } from '../analyses/RunLine';
import { Control, GroupSelect } from '../controls';
import { viewOf, type ViewProps } from '../registry';

const INITIAL = { shown: 10 };
const LIMIT = 50;

export default function MarkersView({ study, dataset, table, state, shared, open }: ViewProps) {
  const [chosen, change] = useViewState('markers', INITIAL);
  const { group } = shared;
  const query = useMarkers(dataset.id, table.name, group, dataset.data_version, LIMIT);
  const record = table.columns.find((c) => c.name === group && c.kind === 'categorical');
  const column = useQuery({ ...columnQuery(dataset.id, table.name, record ?? table.columns[0]), enabled: record !== undefined });
  const onDone = useCallback(() => tell(`The markers of ‘${group}’ are there`), [group]);
  const { run, job, busy, error } = useRun(dataset.id, table.name, onDone);
  const groups = useMemo(() => (query.data ? markerGroups(query.data) : null), [query.data]);
  const look = useMemo(() => {
    if (column.data?.kind !== 'categorical') return new Map<string, { color: string; n: number }>();
    const counts = countCategories(column.data, null).subarray(1);
    const colors = categoryColors(counts, column.data.colors);
    return new Map(column.data.categories.map((name, i) => [name, { color: colors[i], n: counts[i] }]));
  }, [column.data]);
  if (!group) return <Empty title="Nothing groups these cells yet">Select cells in the plot and name them, or run a clustering under Analyses; their marker genes then show here.</Empty>;
  const isMissing = isApiError(query.error) && query.error.status === 404;
  const mayRun = study.permissions.includes('analysis.run');
  const gene = state.color?.by === 'feature' ? state.color.name : '';
  const compute = () => void run({ analysis: 'markers', parameters: { column: group } });
  const toDots = () => {
    shared.setGenes(bestOf(groups ?? [], 3));
    open('dots');
  };
  return (
    <div className="view">
      <div className="toolbar" role="toolbar" aria-label="Markers">
        <GroupSelect table={table} shared={shared} label="Markers of" />
        <Control label="genes of each" help="How many genes are shown of each group">
          <select className="input" aria-label="Genes of each group" value={chosen.shown} onChange={(e) => change({ shown: Number(e.target.value) })}>
            {[5, 10, 25, 50].map((n) => <option key={n} value={n}>{n}</option>)}
          </select>
        </Control>
        <span className="grow" />
        {groups && viewOf('dots') && <Button small onClick={toDots} title="The three best genes of every group">Best genes as dot plot</Button>}
        {groups && <Button small icon="download" onClick={() => saveBlob(new Blob([markersCsv(groups)], { type: 'text/csv' }), `markers of ${group}.csv`)}>CSV</Button>}
      </div>
      <div className="scroll-pad">
        <RunLine job={job} error={error} />
        {isMissing && !busy ? (
          <Empty title={`No markers of ‘${group}’ yet`} action={mayRun && <Button look="primary" onClick={compute}>Find markers</Button>}>
            Every gene is tested in every group against all other cells by the Wilcoxon rank-sum test. It takes seconds to minutes.
          </Empty>
        ) : query.error && !isMissing ? (
          <ErrorNote error={query.error} onRetry={() => void query.refetch()} />
        ) : groups ? (
          <div className="marker-groups">
            {groups.map((g) => <GroupTable key={g.name} group={g} look={look.get(g.name)} shown={chosen.shown} gene={gene} onGene={(name) => state.setView({ color: { by: 'feature', name } })} />)}
          </div>
        ) : (
          <Skeleton rows={8} />
        )}
      </div>
    </div>
  );
}

const share = (v: number) => `${Math.round(100 * v)}`;

interface GroupProps {
  group: MarkerGroup;
  look: { color: string; n: number } | undefined;
  shown: number;
  gene: string;
  onGene: (name: string) => void;
}

function GroupTable({ group, look, shown, gene, onGene }: GroupProps) {
  return (
    <section className="marker-group" aria-label={`Markers of ${group.name}`}>
      <header className="row">
        <i className="dot" style={{ background: look?.color ?? 'var(--ink-3)' }} />
        <h2 className="grow cut" title={group.name}>{group.name}</h2>
        <span className="small muted">{look ? cells(look.n) : ''}</span>
      </header>
      <table>
        <thead>
          <tr>
            <th scope="col">Gene</th>
            <th scope="col" className="num" title="Standardised rank sum: how sure it is that the group expresses more">z</th>
            <th scope="col" className="num" title="log2 of the mean in the group over the mean in all other cells">log2 FC</th>
            <th scope="col" className="num" title="Cells of the group with a count, in percent">in %</th>
            <th scope="col" className="num" title="Other cells with a count, in percent">out %</th>
          </tr>
        </thead>
        <tbody>
          {group.markers.slice(0, shown).map((m) => (
            <tr key={m.feature} data-gene={m.feature} data-z={m.z} data-change={m.change}>
              <td><button type="button" aria-pressed={m.feature === gene} title={`Colour the cells by ${m.feature}${m.id && m.id !== m.feature ? ` (${m.id})` : ''}; adjusted p ${number(m.p)}`} onClick={() => onGene(m.feature)}>{m.feature}</button></td>
              <td className="num">{m.z.toFixed(1)}</td>
              <td className="num">{m.change.toFixed(2)}</td>
              <td className="num">{share(m.shareIn)}</td>
              <td className="num">{share(m.shareOut)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {group.markers.length === 0 && <p className="small muted">Nothing marks this group.</p>}
    </section>
  );
}

function markersCsv(groups: MarkerGroup[]): string {
  const rows = groups.flatMap((g) => g.markers.map((m) => [g.name, m.feature, m.id, m.z, m.p, m.change, m.shareIn, m.shareOut]));
  return toCsv(['group', 'feature', 'feature_id', 'z', 'p_adjusted', 'log2_fold_change', 'share_in', 'share_out'], rows);
}
