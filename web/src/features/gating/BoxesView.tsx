/** Box and bar plots: one statistic of a population in every file, grouped by what is said about files and samples. */

import { plural } from '../../data/words';
import { toCsv } from '../../data/csv';
import { drawBoxes, type BoxPoint } from '../../render/figure/boxes';
import { useStatistics } from '../../state/gating/queries';
import { useViewState } from '../../state/viewState';
import { Figure } from '../../views/figure/Figure';
import { Segments } from '../../views/controls';
import { Empty, ErrorNote, Skeleton } from '../../views/states';
import { channelChoicesOf, titleOf, populationChoices, statisticLabel, STATISTICS, usualChannels } from './choices';
import { lineColors } from './GalleryView';
import { statisticsCode } from './HeatView';
import { compareValues, groupings, spokenValue, valueOf } from './ordering';
import { RowNotes } from './statistics/RowNotes';
import type { GatedFile, GatingState } from './useGating';

const INITIAL = { statistic: 'percent', channel: '', population: null as string | null, by: '', then: '', of: 'parent', kind: 'boxes' };

export function BoxesView({ state }: { state: GatingState }) {
  const [kept, change] = useViewState('boxes', INITIAL);
  const offered = groupings(state.files, state.attributes);
  const by = kept.by || offered.find((g) => g.id.startsWith('@'))?.id || offered[0]?.id || '';
  const channels = channelChoicesOf(state, kept.channel ? [kept.channel] : []);
  const channel = kept.channel || usualChannels(state)[0] || '';
  const isPerChannel = STATISTICS.find((s) => s.id === kept.statistic)?.perChannel ?? false;
  const populationId = kept.population ?? state.population?.id ?? state.rows[0]?.population.id ?? '';
  const asked = {
    dataset_ids: [...new Set(state.files.map((f) => f.dataset.id))],
    population_ids: [populationId || null],
    axes: isPerChannel ? [channel] : [],
    statistics: [kept.statistic],
    compensation: state.layout.compensation,
    ...(kept.statistic === 'percent' ? { percent_of: [kept.of] } : {}),
  };
  const query = useStatistics(state.study.id, asked, state.token, !isPerChannel || channel !== '');
  const groupOf = (file: GatedFile) => [by, kept.then].filter(Boolean).map((one) => valueOf(file, one));
  const nameOf = (file: GatedFile) => [by, kept.then].filter(Boolean).map((one) => spokenValue(file, one)).join(', ') || 'All files';
  const points = state.files.flatMap((file): BoxPoint[] => {
    const value = query.data?.rows.find((row) => row.dataset_id === file.dataset.id)?.value;
    return value == null ? [] : [{ name: file.name, group: nameOf(file), value }];
  });
  const sorted = [...state.files].sort((a, b) => compareValues(groupOf(a)[0], groupOf(b)[0]) || compareValues(groupOf(a)[1] ?? '', groupOf(b)[1] ?? ''));
  const groups = [...new Set(sorted.map(nameOf))].filter((g) => points.some((p) => p.group === g));
  const fileOf = (group: string) => sorted.find((f) => nameOf(f) === group)!;
  // groups that begin alike have one colour
  const firsts = [...new Set(sorted.map((f) => groupOf(f)[0]))];
  const palette = lineColors(firsts.length);
  const colors = groups.map((g) => palette[firsts.indexOf(groupOf(fileOf(g))[0]) % palette.length]);
  const nested = kept.then && { firsts: groups.map((g) => spokenValue(fileOf(g), by)), seconds: groups.map((g) => String(valueOf(fileOf(g), kept.then))), title: offered.find((g) => g.id === kept.then)?.title ?? '' };
  const isBars = kept.kind === 'bars';
  const populationName = populationChoices(state).find((p) => p.id === populationId)?.label ?? state.allName;
  const whole = { parent: 'parent', grandparent: 'grandparent', total: state.allName.toLowerCase() }[kept.of] ?? populationChoices(state).find((p) => p.id === kept.of)?.label ?? '';
  const what = isPerChannel ? `${statisticLabel(kept.statistic)} of ${titleOf(state, channel)}` : kept.statistic === 'percent' ? `% of ${whole}` : statisticLabel(kept.statistic);
  const title = `${what} in ${populationName}`;
  return (
    <div className="view">
      <div>
        <div className="toolbar" role="toolbar" aria-label="Box and bar plots">
          <Segments label="Kind of plot" value={kept.kind} options={[{ value: 'boxes', label: 'Boxes' }, { value: 'bars', label: 'Bars' }]} onChange={(kind) => change({ kind })} />
          <select className="input small" aria-label="Population" value={populationId} onChange={(e) => change({ population: e.target.value })}>
            {populationChoices(state).map((p) => <option key={p.id} value={p.id}>{p.label}</option>)}
          </select>
          <select className="input small" aria-label="Statistic" value={kept.statistic} onChange={(e) => change({ statistic: e.target.value })}>
            {STATISTICS.filter((s) => s.id !== 'quantile').map((s) => <option key={s.id} value={s.id}>{s.label}</option>)}
          </select>
          {isPerChannel && (
            <select className="input small" aria-label="Channel" value={channel} onChange={(e) => change({ channel: e.target.value })}>
              {channels.map((c) => <option key={c.id} value={c.id} title={c.side}>{c.label}</option>)}
            </select>
          )}
          {kept.statistic === 'percent' && (
            <label className="control"><span>of</span>
              <select className="input small" aria-label="Percent of" value={kept.of} onChange={(e) => change({ of: e.target.value })}>
                <option value="parent">parent</option>
                <option value="grandparent">grandparent</option>
                <option value="total">{state.allName.toLowerCase()}</option>
                {state.populations.map((p) => <option key={p.id} value={p.id}>{p.name}</option>)}
              </select>
            </label>
          )}
          {offered.length > 0 && <label className="control"><span>by</span>
            <select className="input small" aria-label="Group by" value={by} onChange={(e) => change({ by: e.target.value })}>
              {offered.map(({ id, title }) => <option key={id} value={id}>{title}</option>)}
            </select>
          </label>}
          {offered.length > 1 && <label className="control"><span>and</span>
            <select className="input small" aria-label="Group by further" value={kept.then} onChange={(e) => change({ then: e.target.value })}>
              <option value="">nothing more</option>
              {offered.filter(({ id }) => id !== by).map(({ id, title }) => <option key={id} value={id}>{title}</option>)}
            </select>
          </label>}
        </div>
        <RowNotes state={state} notes={query.data?.notes} />
      </div>
      {query.error ? (
        <ErrorNote error={query.error} />
      ) : !query.data ? (
        <Skeleton rows={6} />
      ) : points.length === 0 ? (
        <Empty title="No value in any file">{isPerChannel ? `${what} is not defined where a population is empty, or has no such channel.` : 'This population has no events to count.'} Choose another population or statistic above.</Empty>
      ) : (
        <Figure
          title={title} lines={[state.study.name, plural(points.length, 'file', 'files'), isBars ? 'bar: mean; whiskers: standard deviation' : 'box: quartiles; whiskers: to 1.5 times the box']} name={title} busy={query.isFetching}
          label={`${title}: ${groups.map((g) => `${g}, ${points.filter((p) => p.group === g).length} files`).join('; ')}`}
          draw={(ink, width, height) => drawBoxes({ points, groups, nested: nested || undefined, colors, title: what, kind: isBars ? 'bars' : 'boxes' }, ink, width, height)}
          csv={() => toCsv(['file', 'group', what], points.map((p) => [p.name, p.group, p.value]))}
          code={statisticsCode(state.study.name, asked.statistics, asked.axes)}
        />
      )}
    </div>
  );
}
