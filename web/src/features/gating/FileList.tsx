/** The files of the study: searched, sorted and grouped by what the samples say. */

import { useState } from 'react';
import { count } from '../../data/words';
import { Icon } from '../../views/controls';
import { FileName } from '../../views/FileName';
import { groupFiles, groupings, sortFiles } from './ordering';
import type { GatingState } from './useGating';

const MANY = 8;
/** Heights of a row and of what stands above them, pixels. */
const [ROW, HEAD] = [26, 74];

export function FileList({ state }: { state: GatingState }) {
  const [search, setSearch] = useState('');
  const { layout, change, file, attributes } = state;
  const found = state.files.filter((f) => f.name.toLowerCase().includes(search.trim().toLowerCase()));
  const groups = groupFiles(sortFiles(found, layout.sortBy), layout.groupBy);
  return (
    <section className="gating-files" aria-label="Files" style={{ minHeight: `min(36%, ${found.length * ROW + HEAD}px)` }}>
      <header>
        <h2>Files <span className="muted">{count(state.files.length)}</span></h2>
        <select className="input small" aria-label="Sort files by" title="Sort files by" value={layout.sortBy} onChange={(e) => change({ sortBy: e.target.value })}>
          <option value="name">by name</option>
          <option value="events">by events</option>
          {attributes.map((name) => <option key={name} value={`@${name}`}>by {name}</option>)}
        </select>
        <select className="input small" aria-label="Group files by" title="Group files by" value={layout.groupBy} onChange={(e) => change({ groupBy: e.target.value })}>
          <option value="">no groups</option>
          {groupings(state.files, attributes).map(({ id, title }) => <option key={id} value={id}>{title}</option>)}
        </select>
      </header>
      {state.files.length > MANY && <input className="input small" type="search" aria-label="Search files" placeholder="Search files" value={search} onChange={(e) => setSearch(e.target.value)} />}
      <div className="gating-list">
        {groups.map((group) => (
          <div key={group.name} role="group" aria-label={group.name || 'Files'}>
            {group.name && <div className="group">{group.name}</div>}
            {group.files.map((f) => (
              <button key={f.key} type="button" className="gating-row" aria-current={f.key === file?.key ? 'true' : undefined} onClick={() => state.go({ file: f.key })}>
                <FileName name={f.name} />
                {f.dataset.gates_locked && <span title="The gates of this file are locked"><Icon name="lock" size={12} /><span className="hidden-label">, gates locked</span></span>}
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
