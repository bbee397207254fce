/** The files of the study: searched, sorted and grouped by what the samples say. */

import { useState } from 'react';
import type { Sample } from '../../api/types';
import { count } from '../../data/words';
import { useSamples } from '../../state/queries';
import type { GatedFile, GatingState } from './useGating';

/** What files are grouped and sorted by: their name, events, panel, sample, or an attribute of the sample. */
export function valueOf(file: GatedFile, by: string, samples: Sample[]): string | number {
  const sample = samples.find((s) => s.id === file.dataset.sample_id);
  if (by === 'events') return file.table.n_cells;
  if (by === 'panel') return file.dataset.panel_name || 'Panel 1';
  if (by === 'control') return file.dataset.is_control ? 'Controls' : 'Samples';
  if (by === 'sample') return sample?.name ?? 'No sample';
  if (by.startsWith('@')) {
    const value = sample?.values[by.slice(1)];
    return value == null || value === '' ? 'No value' : typeof value === 'number' ? value : String(value);
  }
  return file.name;
}

const compare = (a: string | number, b: string | number) => (typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), 'en', { numeric: true }));

export function sortFiles(files: GatedFile[], by: string, samples: Sample[]): GatedFile[] {
  return [...files].sort((a, b) => compare(valueOf(a, by, samples), valueOf(b, by, samples)) || compare(a.name, b.name));
}

export function groupFiles(files: GatedFile[], by: string, samples: Sample[]): { name: string; files: GatedFile[] }[] {
  if (!by) return [{ name: '', files }];
  const names = [...new Set(files.map((f) => valueOf(f, by, samples)))].sort(compare);
  return names.map((name) => ({ name: String(name), files: files.filter((f) => valueOf(f, by, samples) === name) }));
}

const MANY = 8;

export function FileList({ state }: { state: GatingState }) {
  const table = useSamples(state.study.id).data;
  const [search, setSearch] = useState('');
  const samples = table?.samples ?? [];
  const attributes = table?.attributes ?? [];
  const { layout, change, file } = state;
  const found = state.files.filter((f) => f.name.toLowerCase().includes(search.trim().toLowerCase()));
  const groups = groupFiles(sortFiles(found, layout.sortBy, samples), layout.groupBy, samples);
  const isCytometry = state.files.some((f) => f.panel.length > 0);
  return (
    <section className="gating-files" aria-label="Files">
      <header>
        <h2>Files <span className="muted">{count(state.files.length)}</span></h2>
        <select className="input small" aria-label="Sort files by" title="Sort files by" value={layout.sortBy} onChange={(e) => change({ sortBy: e.target.value })}>
          <option value="name">by name</option>
          <option value="events">by events</option>
          {attributes.map((a) => <option key={a.id} value={`@${a.name}`}>by {a.name}</option>)}
        </select>
        <select className="input small" aria-label="Group files by" title="Group files by" value={layout.groupBy} onChange={(e) => change({ groupBy: e.target.value })}>
          <option value="">no groups</option>
          {isCytometry && <option value="panel">panel</option>}
          {isCytometry && <option value="control">control or not</option>}
          <option value="sample">sample</option>
          {attributes.map((a) => <option key={a.id} value={`@${a.name}`}>{a.name}</option>)}
        </select>
      </header>
      {state.files.length > MANY && <input className="input small" type="search" aria-label="Search files" placeholder="Search files" value={search} onChange={(e) => setSearch(e.target.value)} />}
      <div className="gating-list">
        {groups.map((group) => (
          <div key={group.name} role="group" aria-label={group.name || 'Files'}>
            {group.name && <div className="group">{group.name}</div>}
            {group.files.map((f) => (
              <button key={f.key} type="button" className="gating-row" aria-current={f.key === file?.key ? 'true' : undefined} onClick={() => state.go({ file: f.key })}>
                <span className="cut" title={f.name}>{f.name}</span>
                {f.dataset.is_control && <span className="pill">control</span>}
                <span className="count">{count(f.table.n_cells)}</span>
              </button>
            ))}
          </div>
        ))}
        {found.length === 0 && <p className="muted small">No file is called so.</p>}
      </div>
    </section>
  );
}
