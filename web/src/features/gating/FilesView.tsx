/** Files of the study: panel of channels and reagents, keywords, compensation, control or not. */

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { fcsUrl, getKeywords, patchFile, putReagents } from '../../api/gating';
import { count, plural } from '../../data/words';
import { changeFile } from '../../state/gating/actions';
import { tell } from '../../state/notices';
import { Button } from '../../views/controls';
import { Popover } from '../../views/overlays';
import { Empty, ErrorNote, Skeleton } from '../../views/states';
import type { GatedFile, GatingState } from './useGating';

export function FilesView({ state }: { state: GatingState }) {
  const { file } = state;
  if (!file) return null;
  if (!file.panel.length) return <Empty title={`‘${file.name}’ is no file of cytometry`}>Its {count(file.table.n_features)} features are its axes; there is no panel to edit and there are no keywords.</Empty>;
  return (
    <div className="files-view">
      <Panel key={`${file.key} ${file.dataset.version}`} state={state} file={file} />
      <Details state={state} file={file} />
    </div>
  );
}

/** Of the open population, but for the file as it was given. */
const DOWNLOADS: { title: string; query: Record<string, string | null> }[] = [
  { title: 'The file as given', query: { format: 'original' } },
  { title: 'FCS of the open population', query: { format: 'fcs' } },
  { title: 'TSV of the open population', query: { format: 'tsv' } },
];

const panelKey = (file: GatedFile) => file.panel.map((c) => `${c.channel}=${c.reagent}`).join('\n');
const channelsKey = (file: GatedFile) => file.panel.map((c) => c.channel).sort().join('\n');

function Panel({ state, file }: { state: GatingState; file: GatedFile }) {
  const [reagents, setReagents] = useState<Record<string, string>>({});
  // files with the same channels can take the same names
  const alike = state.files.filter((f) => channelsKey(f) === channelsKey(file));
  const differing = new Set(alike.map(panelKey)).size;
  const [toAll, setToAll] = useState(true);
  const changed = Object.entries(reagents).filter(([channel, reagent]) => (file.panel.find((c) => c.channel === channel)?.reagent ?? '') !== reagent.trim());
  const files = toAll ? alike : [file];
  const save = () =>
    changeFile(state.study.id, async () => {
      await putReagents(state.study.id, { dataset_ids: files.map((f) => f.dataset.id), reagents: Object.fromEntries(changed.map(([channel, reagent]) => [channel, reagent.trim() || null])) });
      tell(`${plural(changed.length, 'reagent')} named in ${plural(files.length, 'file')}`);
    });
  /** A table from a spreadsheet: channel and reagent, or only reagents from the row on that is pasted into. */
  const paste = (from: number, text: string): boolean => {
    const rows = text.replace(/\r/g, '').split('\n').filter((line) => line.trim()).map((line) => line.split('\t').map((cell) => cell.trim()));
    if (rows.length < 2 && rows[0]?.length < 2) return false;
    const next = { ...reagents };
    rows.forEach((cells, i) => {
      const named = file.panel.find((c) => c.channel === cells[0]);
      if (cells.length > 1 && named) next[named.channel] = cells[1];
      else if (file.panel[from + i]) next[file.panel[from + i].channel] = cells[cells.length - 1];
    });
    setReagents(next);
    return true;
  };
  return (
    <section className="card" aria-label="Panel">
      <div className="spread" style={{ padding: '10px 12px' }}>
        <div>
          <h2>Panel of {file.name}</h2>
          <p className="small muted">The file itself stays as it is. {alike.length > 1 && `${count(alike.length)} files have these channels${differing > 1 ? `, with ${differing} different panels` : ''}.`}</p>
        </div>
        {state.mayEdit && (
          <div className="row">
            {alike.length > 1 && <label className="check small"><input type="checkbox" checked={toAll} onChange={(e) => setToAll(e.target.checked)} /> in all {count(alike.length)} files</label>}
            <Button small look="primary" disabled={!changed.length} onClick={() => void save()}>Save panel</Button>
          </div>
        )}
      </div>
      <table className="table">
        <thead><tr><th className="num">№</th><th>Channel</th><th>Reagent</th><th>Scale</th></tr></thead>
        <tbody>
          {file.panel.map((c, i) => (
            <tr key={c.channel}>
              <td className="num muted">{c.index}</td>
              <td className="mono">{c.channel}</td>
              <td><input className="input small" aria-label={`Reagent of ${c.channel}`} disabled={!state.mayEdit} value={reagents[c.channel] ?? c.reagent} onPaste={(e) => paste(i, e.clipboardData.getData('text')) && e.preventDefault()} onChange={(e) => setReagents({ ...reagents, [c.channel]: e.target.value })} /></td>
              <td className="small muted">{state.scales[`var:${c.channel}`]?.type ?? 'as it is'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Details({ state, file }: { state: GatingState; file: GatedFile }) {
  const [search, setSearch] = useState('');
  const query = useQuery({ queryKey: ['keywords', file.dataset.id], queryFn: ({ signal }) => getKeywords(file.dataset.id, signal), staleTime: Infinity });
  const { dataset } = file;
  const found = (query.data?.items ?? []).filter(({ name, value }) => `${name} ${value}`.toLowerCase().includes(search.toLowerCase()));
  return (
    <section className="card" aria-label="File">
      <div className="stack" style={{ padding: '10px 12px' }}>
        <div className="spread">
          <h2 className="cut">{file.name}</h2>
          <Popover label="Download the file" text="Download" icon="download" small menu>
            {(close) => DOWNLOADS.map(({ title, query }) => (
              <a key={title} className="button plain small" href={fcsUrl(dataset.id, { ...query, population: query.format === 'original' ? null : (state.population?.id ?? null) })} download onClick={close}>{title}</a>
            ))}
          </Popover>
        </div>
        <p className="small muted">{count(file.table.n_cells)} events, {count(file.panel.length)} channels{dataset.panel_name ? `, ${dataset.panel_name}` : ''}</p>
        <label className="row"><span className="small muted">compensation</span>
          <select className="input small" disabled={!state.mayEdit} value={dataset.compensation ?? ''} onChange={(e) => void changeFile(state.study.id, () => patchFile(dataset, { compensation: e.target.value }))}>
            <option value="">not chosen</option>
            <option value="none">none</option>
            <option value="internal">the matrix of the file</option>
            {state.compensations.map((c) => <option key={c.id} value={c.id}>{c.name}</option>)}
          </select>
        </label>
        <label className="check small"><input type="checkbox" disabled={!state.mayEdit} checked={dataset.is_control ?? false} onChange={(e) => void changeFile(state.study.id, () => patchFile(dataset, { is_control: e.target.checked }))} /> a control (single stain, unstained)</label>
        <label className="check small"><input type="checkbox" disabled={!state.mayEdit} checked={dataset.gates_locked ?? false} onChange={(e) => void changeFile(state.study.id, () => patchFile(dataset, { gates_locked: e.target.checked }))} /> gates may not be tailored to it</label>
        <input className="input small" type="search" aria-label="Search keywords" placeholder="Search keywords" value={search} onChange={(e) => setSearch(e.target.value)} />
      </div>
      {query.error && <ErrorNote error={query.error} />}
      {query.isPending && <Skeleton rows={4} />}
      <div className="keywords" tabIndex={0} role="group" aria-label="Keywords">
        <table className="table">
          <tbody>{found.map(({ name, value }) => <tr key={name}><td className="mono">{name}</td><td className="keyword">{value}</td></tr>)}</tbody>
        </table>
      </div>
    </section>
  );
}
