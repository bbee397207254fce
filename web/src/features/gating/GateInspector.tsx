/** The selected gate: its names, whether files may have their own of it, its lock; copied, deleted. */

import { useState } from 'react';
import { deleteGate, type Gate } from '../../api/gating';
import { axisLabel } from '../../data/gating/axes';
import { madeBy } from '../../data/gating/tree';
import { count, embeddingTitle, plural } from '../../data/words';
import { changeFile, changeGate, removeGate, renamePopulation, tailorTo } from '../../state/gating/actions';
import { Button, Icon } from '../../views/controls';
import { Popover } from '../../views/overlays';
import { copyGate } from './clipboard';
import type { GatingState } from './useGating';

const KINDS = { rectangle: 'Rectangle', polygon: 'Polygon', ellipse: 'Ellipse', range: 'Range', quadrant: 'Quadrant', split: 'Split' };

interface Props {
  state: GatingState;
  gate: Gate;
  /** Puts the cursor into the name. */
  renaming: boolean;
  onClose: () => void;
}

export function GateInspector({ state, gate, renaming, onClose }: Props) {
  const { file, mayEdit } = state;
  const made = madeBy(gate, state.populations, state.population?.id ?? null);
  const label = (reference: string) => axisLabel(reference, file?.panel ?? [], embeddingTitle).label;
  const family = state.gates.filter((g) => g.gid === gate.gid);
  const own = family.filter((g) => g.dataset_id !== null);
  const isFixed = gate.locked || family.some((g) => g.dataset_id === null && g.locked);
  const rename = (at: number, name: string) => {
    const population = made[at];
    // what is seen is the population; one change is undone by one key
    if (population) void renamePopulation(population, name);
    else if (gate.sectors.length) void changeGate(gate, { sectors: gate.sectors.map((s, i) => (i === at ? { ...s, name } : s)) });
    else void changeGate(gate, { name });
  };
  const names = gate.sectors.length ? gate.sectors.map((s, i) => made[i]?.name ?? s.name) : [made[0]?.name ?? gate.name];
  return (
    <section className="gating-inspector" aria-label="Selected gate">
      <header>
        <h2 className="cut">{KINDS[gate.kind]} <span className="muted small">{[gate.x, gate.y].filter(Boolean).map(label).join(' × ')}</span></h2>
        <Button small look="plain" icon="close" label="Close" onClick={onClose} />
      </header>
      {names.map((name, i) => <NameField key={`${i}${name}`} name={name} focus={renaming && i === 0} disabled={!mayEdit || gate.locked} onSave={(next) => rename(i, next)} />)}
      <label className="check small" title="A file whose cells lie elsewhere gets a gate of its own when you drag it there">
        <input type="checkbox" checked={gate.tailored} disabled={!mayEdit || gate.locked || own.length > 0} onChange={(e) => void changeGate(gate, { tailored: e.target.checked })} />
        Tailored per file{own.length > 0 && <span className="muted">({plural(own.length, 'file has its own', 'files have their own')})</span>}
      </label>
      {gate.dataset_id !== null && (
        <div className="row wrap">
          <span className="pill busy">of this file alone</span>
          <Button small disabled={!mayEdit || gate.locked} onClick={() => void changeFile(state.study.id, () => deleteGate(gate)).then(onClose)}>Use that of all files</Button>
        </div>
      )}
      <label className="check small"><input type="checkbox" checked={gate.locked} disabled={!mayEdit} onChange={(e) => void changeGate(gate, { locked: e.target.checked })} /> Locked</label>
      {isFixed && <p className="small muted">{gate.locked ? 'Unlock it to move, rename, tailor or delete it.' : 'The gate of all files is locked: no other file gets one of its own.'}</p>}
      <div className="row wrap">
        <Button small onClick={() => copyGate(state, gate)}>Copy</Button>
        {gate.tailored && mayEdit && !isFixed && state.files.length > 1 && <TailorMenu state={state} gate={gate} />}
        <Button small look="danger" icon="trash" disabled={!mayEdit || gate.locked} onClick={() => { onClose(); void removeGate(gate, made.filter((p) => p !== null)); }}>Delete</Button>
      </div>
    </section>
  );
}

/** Give the gate, as it is here, to other files too. */
function TailorMenu({ state, gate }: { state: GatingState; gate: Gate }) {
  const [ticked, setTicked] = useState<string[]>([]);
  const others = state.files.filter((f) => f.key !== state.file?.key);
  const flip = (id: string) => setTicked(ticked.includes(id) ? ticked.filter((other) => other !== id) : [...ticked, id]);
  return (
    <Popover label="Apply to files" text="Apply to files" small left>
      {(close) => (
        <div className="stack tight">
          <p className="small muted">{gate.dataset_id ? 'These files get this gate as their own.' : 'These files go back to the gate of all files.'}</p>
          <div className="filter-list" role="group" aria-label="Files">
            {others.map((f) => <label key={f.key}><input type="checkbox" checked={ticked.includes(f.dataset.id)} onChange={() => flip(f.dataset.id)} /> <span className="cut">{f.name}</span><span className="count">{count(f.table.n_cells)}</span></label>)}
          </div>
          <div className="row">
            <Button small look="plain" onClick={() => setTicked(others.map((f) => f.dataset.id))}>All</Button>
            <span className="grow" />
            <Button small look="primary" disabled={!ticked.length} onClick={() => { close(); void tailorTo(gate, ticked); }}>Apply to {ticked.length}</Button>
          </div>
        </div>
      )}
    </Popover>
  );
}

function NameField({ name, focus, disabled, onSave }: { name: string; focus: boolean; disabled: boolean; onSave: (name: string) => void }) {
  return (
    <label className="row">
      <Icon name="marker" size={13} />
      <span className="hidden-label">Name of {name}</span>
      <input
        className="input small" defaultValue={name} disabled={disabled} ref={(element) => { if (focus) element?.select(); }}
        onBlur={(e) => { const next = e.target.value.trim(); if (next && next !== name) onSave(next); else e.target.value = name; }}
        onKeyDown={(e) => { if (e.key === 'Enter') e.currentTarget.blur(); if (e.key === 'Escape') { e.currentTarget.value = name; e.currentTarget.blur(); } }}
      />
    </label>
  );
}
