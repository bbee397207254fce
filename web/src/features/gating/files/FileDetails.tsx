/** What a file says and what is said of it: events, compensation, annotations, keywords. */

import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { getFileAnnotations, putFileAnnotations, type FileAnnotation } from '../../../api/fileNames';
import { fcsUrl, getKeywords, patchFile } from '../../../api/gating';
import { count, typedValue } from '../../../data/words';
import { changeFile } from '../../../state/gating/actions';
import { sendInTurn } from '../../../state/turns';
import { Button } from '../../../views/controls';
import { Popover } from '../../../views/overlays';
import { ErrorNote, Skeleton } from '../../../views/states';
import type { GatedFile, GatingState } from '../useGating';

/** Of the open population, but for the file as it was given. */
const DOWNLOADS: { title: string; query: Record<string, string | null> }[] = [
  { title: 'The file as given', query: { format: 'original' } },
  { title: 'FCS of the open population', query: { format: 'fcs' } },
  { title: 'TSV of the open population', query: { format: 'tsv' } },
];

export function FileDetails({ state, file }: { state: GatingState; file: GatedFile }) {
  const [search, setSearch] = useState('');
  const query = useQuery({ queryKey: ['keywords', file.dataset.id], queryFn: ({ signal }) => getKeywords(file.dataset.id, signal), staleTime: Infinity });
  const { dataset } = file;
  const set = (json: Parameters<typeof patchFile>[1]) => void changeFile(state.study.id, () => sendInTurn(dataset, (newest) => patchFile(newest, json)));
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
          <select className="input small" disabled={!state.mayEdit} value={dataset.compensation ?? ''} onChange={(e) => set({ compensation: e.target.value })}>
            <option value="">not chosen</option>
            <option value="none">none</option>
            <option value="internal">the matrix of the file</option>
            {state.compensations.map((c) => <option key={c.id} value={c.id}>{c.name}</option>)}
          </select>
        </label>
        <label className="check small"><input type="checkbox" disabled={!state.mayEdit} checked={dataset.is_control ?? false} onChange={(e) => set({ is_control: e.target.checked })} /> a control (single stain, unstained)</label>
        <label className="check small"><input type="checkbox" disabled={!state.mayEdit} checked={dataset.gates_locked ?? false} onChange={(e) => set({ gates_locked: e.target.checked })} /> gates may not be tailored to it</label>
        <input className="input small" type="search" aria-label="Search keywords" placeholder="Search keywords" value={search} onChange={(e) => setSearch(e.target.value)} />
      </div>
      <Annotations key={file.dataset.id} state={state} file={file} />
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

/** What is said of the whole file, such as its well: changed in place, a value that is emptied goes. */
function Annotations({ state, file }: { state: GatingState; file: GatedFile }) {
  const { dataset } = file;
  const query = useQuery({ queryKey: ['dataset', dataset.id, 'file-annotations', dataset.version], queryFn: ({ signal }) => getFileAnnotations(dataset.id, signal), placeholderData: keepPreviousData });
  const [name, setName] = useState('');
  const [value, setValue] = useState('');
  const known = query.data ?? [];
  // the list is sent whole: each change is one of the list that the one before it left
  const put = (edit: (list: FileAnnotation[]) => FileAnnotation[]) =>
    changeFile(state.study.id, () => sendInTurn(dataset, async () => putFileAnnotations(dataset.id, edit(await getFileAnnotations(dataset.id)))));
  const keep = async (edited: FileAnnotation, field: HTMLInputElement) => {
    const [text, before] = [field.value, String(edited.value ?? '')];
    if (text === before) return;
    const done = await put((list) => (text.trim() ? list.map((a) => (a.name === edited.name ? { ...a, value: typedValue(text) } : a)) : list.filter((a) => a.name !== edited.name)));
    // what is refused, such as a word where the study has numbers, does not stay
    if (done === null) field.value = before;
  };
  const add = async () => {
    if ((await put((list) => [...list, { name: name.trim(), value: typedValue(value) }])) === null) return;
    setName('');
    setValue('');
  };
  return (
    <div className="file-annotations" role="group" aria-label="Annotations of the file">
      {known.map((a) => (
        <label key={`${a.name} ${String(a.value)}`} className="row"><span className="small muted cut">{a.name}</span><input className="input small" disabled={!state.mayEdit} defaultValue={String(a.value ?? '')} onBlur={(e) => void keep(a, e.target)} onKeyDown={(e) => { if (e.key === 'Enter') e.currentTarget.blur(); }} /></label>
      ))}
      {state.mayEdit && (
        <div className="row">
          <input className="input small" aria-label="Name of a new annotation" placeholder="annotation" value={name} onChange={(e) => setName(e.target.value)} />
          <input className="input small" aria-label="Value of the new annotation" placeholder="value" value={value} onChange={(e) => setValue(e.target.value)} onKeyDown={(e) => { if (e.key === 'Enter' && name.trim() && value.trim()) void add(); }} />
          <Button small icon="plus" label="Add annotation" disabled={!name.trim() || !value.trim()} onClick={() => void add()} />
        </div>
      )}
    </div>
  );
}
