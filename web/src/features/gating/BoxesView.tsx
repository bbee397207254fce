/** Box plots: one statistic of a population in every file, grouped by what the samples say. */

import { toCsv } from '../../data/csv';
import { drawBoxes, type BoxPoint } from '../../render/figure/boxes';
import { useStatistics } from '../../state/gating/queries';
import { useSamples } from '../../state/queries';
import { useViewState } from '../../state/viewState';
import { Figure } from '../../views/figure/Figure';
import { ErrorNote, Skeleton } from '../../views/states';
import { channelChoicesOf, labelOf, populationChoices, statisticLabel, STATISTICS, usualChannels } from './choices';
import { valueOf } from './FileList';
import { lineColors } from './GalleryView';
import { statisticsCode } from './HeatView';
import type { GatingState } from './useGating';

const INITIAL = { statistic: 'percent', channel: '', population: null as string | null, by: 'sample' };

export function BoxesView({ state }: { state: GatingState }) {
  const [kept, change] = useViewState('boxes', INITIAL);
  const table = useSamples(state.study.id).data;
  const channels = channelChoicesOf(state);
  const channel = kept.channel || usualChannels(state)[0] || '';
  const isPerChannel = STATISTICS.find((s) => s.id === kept.statistic)?.perChannel ?? false;
  const populationId = kept.population ?? state.population?.id ?? state.rows[0]?.population.id ?? '';
  const asked = {
    dataset_ids: [...new Set(state.files.map((f) => f.dataset.id))],
    population_ids: [populationId || null],
    axes: isPerChannel ? [channel] : [],
    statistics: [kept.statistic],
    compensation: state.layout.compensation,
    ...(kept.statistic === 'percent' ? { percent_of: ['parent'] } : {}),
  };
  const query = useStatistics(state.study.id, asked, state.token, !isPerChannel || channel !== '');
  const samples = table?.samples ?? [];
  const points = state.files.flatMap((file): BoxPoint[] => {
    const value = query.data?.find((row) => row.dataset_id === file.dataset.id)?.value;
    return value == null ? [] : [{ name: file.name, group: String(valueOf(file, kept.by, samples)), value }];
  });
  const groups = [...new Set(points.map((p) => p.group))].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const populationName = populationChoices(state).find((p) => p.id === populationId)?.label ?? state.allName;
  const what = isPerChannel ? `${statisticLabel(kept.statistic)} of ${labelOf(state, channel)}` : kept.statistic === 'percent' ? '% of parent' : statisticLabel(kept.statistic);
  const title = `${what} in ${populationName}`;
  return (
    <div className="view">
      <div className="toolbar" role="toolbar" aria-label="Box plots">
        <select className="input small" aria-label="Population" value={populationId} onChange={(e) => change({ population: e.target.value })}>
          {populationChoices(state).map((p) => <option key={p.id} value={p.id}>{p.label}</option>)}
        </select>
        <select className="input small" aria-label="Statistic" value={kept.statistic} onChange={(e) => change({ statistic: e.target.value })}>
          {STATISTICS.filter((s) => s.id !== 'quantile').map((s) => <option key={s.id} value={s.id}>{s.label}</option>)}
        </select>
        {isPerChannel && (
          <select className="input small" aria-label="Channel" value={channel} onChange={(e) => change({ channel: e.target.value })}>
            {channels.map((c) => <option key={c.id} value={c.id}>{c.label}</option>)}
          </select>
        )}
        <label className="control"><span>by</span>
          <select className="input small" aria-label="Group by" value={kept.by} onChange={(e) => change({ by: e.target.value })}>
            <option value="sample">sample</option>
            <option value="control">control or not</option>
            <option value="panel">panel</option>
            {(table?.attributes ?? []).map((a) => <option key={a.id} value={`@${a.name}`}>{a.name}</option>)}
          </select>
        </label>
      </div>
      {query.error ? (
        <ErrorNote error={query.error} />
      ) : !query.data ? (
        <Skeleton rows={6} />
      ) : (
        <Figure
          title={title} lines={[state.study.name, `${points.length} files`, 'box: quartiles; whiskers: to 1.5 times the box']} name={title} busy={query.isFetching}
          label={`${title}: ${groups.map((g) => `${g}, ${points.filter((p) => p.group === g).length} files`).join('; ')}`}
          draw={(ink, width, height) => drawBoxes({ points, groups, colors: lineColors(groups.length), title: what }, ink, width, height)}
          csv={() => toCsv(['file', 'group', what], points.map((p) => [p.name, p.group, p.value]))}
          code={statisticsCode(state.study.name, asked.statistics, asked.axes)}
        />
      )}
    </div>
  );
}
