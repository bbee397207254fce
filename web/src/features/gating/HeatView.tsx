/** A heat map of medians: populations of a file, or one population over files, by channels. */

import { toCsv } from '../../data/csv';
import type { MapName } from '../../data/colors';
import { scaleOf } from '../../data/gating/scales';
import { literal } from '../../data/python';
import { drawMedians } from '../../render/figure/medians';
import { useStatistics } from '../../state/gating/queries';
import { useViewState } from '../../state/viewState';
import { Segments } from '../../views/controls';
import { Figure } from '../../views/figure/Figure';
import { Empty, ErrorNote, Skeleton } from '../../views/states';
import { channelChoicesOf, channelIn, titleOf, populationChoices, statisticLabel, STATISTICS, TickMenu, usualChannels } from './choices';
import { RowNotes } from './statistics/RowNotes';
import type { GatingState } from './useGating';

const INITIAL = { rows: 'populations', channels: ['*'], statistic: 'median', map: 'viridis', scaling: 'column' };

export function HeatView({ state }: { state: GatingState }) {
  const [kept, change] = useViewState('heat', INITIAL);
  const channels = kept.channels[0] === '*' ? usualChannels(state) : kept.channels;
  const byFile = kept.rows === 'files';
  const all = byFile ? state.files.map((f) => ({ id: f.dataset.id, label: f.name })) : populationChoices(state);
  const asked = {
    dataset_ids: byFile ? all.map((f) => f.id) : state.file ? [state.file.dataset.id] : [],
    population_ids: byFile ? [state.population?.id ?? null] : all.map((p) => p.id || null),
    axes: channels,
    statistics: [kept.statistic],
    compensation: state.layout.compensation,
    ...(kept.statistic === 'quantile' ? { q: 0.5 } : {}),
  };
  const query = useStatistics(state.study.id, asked, state.token, channels.length > 0 && asked.dataset_ids.length > 0);
  const statistic = statisticLabel(kept.statistic);
  const data = query.data?.rows ?? [];
  const values = all.map((row) => channels.map((channel) => data.find((d) => d.axis === channel && (byFile ? d.dataset_id === row.id : (d.population_id ?? '') === row.id))?.value ?? null));
  const isSpread = ['cv', 'stddev', 'mad'].includes(kept.statistic);
  const shades = values.map((row) => row.map((v, c) => (v === null || isSpread ? v : scaleOf(state.scales[channelIn(state, channels[c]) ?? channels[c]]).forward(v))));
  const names = channels.map((channel) => titleOf(state, channel));
  const title = byFile ? `${statistic} in ${state.population?.name ?? state.allName.toLowerCase()}` : `${statistic} of populations of ${state.file?.name ?? ''}`;
  return (
    <div className="view">
      <div>
        <div className="toolbar" role="toolbar" aria-label="Heat map">
          <Segments label="A row for each of" value={kept.rows} options={[{ value: 'populations', label: 'Populations' }, { value: 'files', label: 'Files' }]} onChange={(rows) => change({ rows })} />
          <select className="input small" aria-label="Statistic" value={kept.statistic} onChange={(e) => change({ statistic: e.target.value })}>
            {STATISTICS.filter((s) => s.perChannel && s.id !== 'quantile').map((s) => <option key={s.id} value={s.id}>{s.label}</option>)}
          </select>
          <TickMenu label="Channels" all={channelChoicesOf(state, channels)} ticked={channels} onChange={(next) => change({ channels: next })} />
          <select className="input small" aria-label="Colours run" value={kept.scaling} onChange={(e) => change({ scaling: e.target.value })}>
            <option value="column">over each channel</option>
            <option value="all">over all channels</option>
          </select>
          <select className="input small" aria-label="Colour map" value={kept.map} onChange={(e) => change({ map: e.target.value })}>
            <option value="viridis">Viridis</option>
            <option value="cividis">Cividis</option>
            <option value="diverging">Diverging</option>
          </select>
        </div>
        <RowNotes state={state} notes={query.data?.notes} />
      </div>
      {channels.length === 0 ? (
        <Empty title="Choose channels">Name the reagents of the channels under Files and panel, or choose channels above.</Empty>
      ) : query.error ? (
        <ErrorNote error={query.error} />
      ) : !query.data ? (
        <Skeleton rows={6} />
      ) : (
        <Figure
          title={title} lines={[state.study.name, 'compensated values, not scaled']} name={`${state.study.name}, ${kept.statistic}`} busy={query.isFetching}
          label={`${title}: ${all.length} rows, ${channels.length} channels`}
          draw={(ink, width) => drawMedians({ rows: all.map((r) => r.label), columns: names, values, shades, statistic, map: kept.map as MapName, byColumn: kept.scaling === 'column' && all.length > 1 }, ink, width)}
          csv={() => toCsv([byFile ? 'file' : 'population', ...names], all.map((row, r) => [row.label, ...values[r]]))}
          code={statisticsCode(state.study.name, asked.statistics, channels)}
        />
      )}
    </div>
  );
}

export function statisticsCode(study: string, statistics: string[], channels: string[]): string {
  return ['import cytosol', '', 'client = cytosol.Client()', `study = client.study(${literal(study)})`, `study.statistics(statistics=[${statistics.map(literal).join(', ')}], axes=[${channels.map(literal).join(', ')}])`, ''].join('\n');
}
