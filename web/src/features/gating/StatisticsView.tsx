/** Statistics of populations, channels and files in one table, with formulas; the same numbers as a file, or kept in the study. */

import { useState } from 'react';
import { getStatisticsFile, type SavedTable, type StatisticsQuery } from '../../api/gating';
import { isApiError } from '../../api/http';
import { saveBlob } from '../../render/figure/save';
import { useStatistics } from '../../state/gating/queries';
import { tell, tellError } from '../../state/notices';
import { useViewState } from '../../state/viewState';
import { Button } from '../../views/controls';
import { Popover } from '../../views/overlays';
import { ErrorNote } from '../../views/states';
import { channelChoicesOf, populationChoices, STATISTICS, TickMenu, usualChannels } from './choices';
import { asksVolume, choiceOf, INITIAL_TABLE, problemAt, readFormulas, type TableChoice } from './statistics/asked';
import { BeadsPanel } from './statistics/BeadsPanel';
import { FormulasPanel } from './statistics/FormulasPanel';
import { RowNotes } from './statistics/RowNotes';
import { FILES, SavedTables } from './statistics/SavedTables';
import { StatisticsTable } from './statistics/StatisticsTable';
import type { GatingState } from './useGating';

const MOST_CHANNELS = 6;

type Panel = '' | 'formulas' | 'beads' | 'saved';

/** '*' stands for what is usual: all files and populations, the channels with reagents. */
const or = (ticked: string[], usual: string[]) => (ticked.length === 1 && ticked[0] === '*' ? usual : ticked);

/** What is ticked, with '*' said in full, and what the server is asked for it. */
function askedOf(state: GatingState, kept: TableChoice) {
  const chosen = {
    populations: or(kept.populations, populationChoices(state).map((p) => p.id)),
    channels: or(kept.channels, usualChannels(state).slice(0, MOST_CHANNELS)),
    files: or(kept.files, state.files.map((f) => f.dataset.id)),
  };
  const isPerChannel = kept.statistics.some((id) => STATISTICS.find((s) => s.id === id)?.perChannel);
  const { formulas } = readFormulas(kept.formulas);
  const hasBeads = asksVolume(kept) && kept.beads !== '' && kept.added > 0 && kept.volume > 0;
  const asked: StatisticsQuery = {
    dataset_ids: [...new Set(chosen.files)],
    population_ids: chosen.populations.map((id) => id || null),
    axes: isPerChannel ? chosen.channels : [],
    statistics: kept.statistics,
    compensation: state.layout.compensation,
    ...(kept.statistics.includes('quantile') ? { q: kept.q } : {}),
    ...(kept.statistics.includes('percent') ? { percent_of: [kept.of] } : {}),
    ...(formulas.length ? { formulas: Object.fromEntries(formulas.map((f) => [f.name, f.formula])) } : {}),
    ...(hasBeads ? { beads: { population_id: kept.beads, n_added: kept.added, volume_ul: kept.volume } } : {}),
  };
  return { chosen, asked, formulas };
}

export function StatisticsView({ state }: { state: GatingState }) {
  const [kept, change] = useViewState('stats', INITIAL_TABLE);
  const [panel, setPanel] = useState<Panel>('');
  const { chosen, asked, formulas } = askedOf(state, kept);
  const enabled = asked.dataset_ids.length > 0 && asked.population_ids.length > 0 && (asked.statistics.length > 0 || formulas.length > 0);
  const query = useStatistics(state.study.id, asked, state.token, enabled);
  const refused = isApiError(query.error) ? problemAt(formulas, query.error) : null;
  const show = (table: SavedTable) => {
    const ids = (list: { id: string }[]) => new Set(list.map((one) => one.id));
    const known = { populations: ids(state.populations), files: ids(state.files.map((f) => f.dataset)), channels: ids(channelChoicesOf(state, table.statistics.axes ?? [])), compensations: ids(state.compensations) };
    const { choice, compensation, missing } = choiceOf(table.statistics, known);
    change(choice);
    state.change({ compensation });
    tell(missing.length ? `‘${table.name}’ without ${missing.join(', ')}, which the study no longer has` : `As ‘${table.name}’ was asked for, with the numbers of today`);
  };
  const wanted = panel === 'beads' && !asksVolume(kept) ? '' : panel;
  // a formula that is refused is shown with its sentence
  const open = wanted === '' && refused ? 'formulas' : wanted;
  const isSaidThere = refused !== null && open === 'formulas';
  return (
    <>
      <StatisticsBar state={state} kept={kept} change={change} chosen={chosen} asked={asked} open={open} onOpen={setPanel} />
      <div className="statistics-room">
        {open && (
          <div className="statistics-panel">
            {open === 'formulas' && <FormulasPanel text={kept.formulas} onUse={(text) => { setPanel('formulas'); change({ formulas: text }); }} refused={refused} />}
            {open === 'beads' && <BeadsPanel state={state} choice={kept} onChange={change} />}
            {open === 'saved' && <SavedTables state={state} asked={asked} isReady={enabled && !query.error} onShow={show} />}
          </div>
        )}
        {query.error && !isSaidThere && <ErrorNote error={query.error} />}
        {isSaidThere && <p className="muted padded">The table comes back when the formula is right.</p>}
        {!query.error && <RowNotes state={state} notes={enabled ? query.data?.notes : []} />}
        {!query.error && <StatisticsTable state={state} rows={enabled ? (query.data?.rows ?? []) : []} asked={asked} sort={{ key: kept.sort, descending: kept.down }} onSort={(key, down) => change({ sort: key, down })} busy={query.isFetching} />}
      </div>
    </>
  );
}

interface BarProps {
  state: GatingState;
  kept: TableChoice;
  change: (part: Partial<TableChoice>) => void;
  chosen: Record<'populations' | 'channels' | 'files', string[]>;
  asked: StatisticsQuery;
  open: Panel;
  onOpen: (panel: Panel) => void;
}

function StatisticsBar({ state, kept, change, chosen, asked, open, onOpen }: BarProps) {
  const files = state.files.map((f) => ({ id: f.dataset.id, label: f.name }));
  const save = (layout: string, format: string) => getStatisticsFile(state.study.id, asked, layout, format).then((blob) => saveBlob(blob, `${state.study.name}, statistics.${format}`), tellError);
  const opener = (panel: Panel, title: string) => <Button small aria-expanded={open === panel} onClick={() => onOpen(open === panel ? '' : panel)}>{title}</Button>;
  const nFormulas = Object.keys(asked.formulas ?? {}).length;
  return (
    <div className="toolbar" role="toolbar" aria-label="Statistics">
      <TickMenu label="Populations" all={populationChoices(state)} ticked={chosen.populations} onChange={(next) => change({ populations: next })} />
      <TickMenu label="Statistics" all={STATISTICS} ticked={kept.statistics} onChange={(next) => change({ statistics: next })} />
      <TickMenu label="Channels" all={channelChoicesOf(state, chosen.channels)} ticked={chosen.channels} onChange={(next) => change({ channels: next })} />
      <TickMenu label="Files" all={files} ticked={chosen.files} onChange={(next) => change({ files: next })} />
      {opener('formulas', nFormulas ? `Formulas: ${nFormulas}` : 'Formulas')}
      {asksVolume(kept) && opener('beads', asked.beads ? 'Counting beads: on' : 'Counting beads')}
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
      {opener('saved', 'Saved tables')}
      <Popover label="Save the table" text="Save" icon="download" small menu>
        {(close) => FILES.map(({ layout, format, title }) => <Button key={title} small look="plain" onClick={() => { close(); void save(layout, format); }}>{title}</Button>)}
      </Popover>
    </div>
  );
}
