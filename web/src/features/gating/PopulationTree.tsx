/** The populations of the study with their counts in the open file: opened, renamed, laid over the plots, deleted. */

import { useRef, useState, type KeyboardEvent } from 'react';
import type { Population } from '../../api/gating';
import { OKABE_ITO, SET_24 } from '../../data/colors';
import { branchOf, percentText, type TreeRow } from '../../data/gating/tree';
import { count } from '../../data/words';
import { removePopulation, renamePopulation } from '../../state/gating/actions';
import { Button } from '../../views/controls';
import { Popover } from '../../views/overlays';
import { CombineDialog } from './CombineDialog';
import type { GatingState } from './useGating';

const FIRST = [5, 1, 2, 3, 0, 4, 6].map((i) => OKABE_ITO[i]);

/** The colour of a population wherever it is laid over others. */
export function overlayColor(state: GatingState, id: string): string {
  const at = state.rows.findIndex((row) => row.population.id === id);
  return at < FIRST.length ? FIRST[Math.max(0, at)] : SET_24[at % SET_24.length];
}

export function PopulationTree({ state }: { state: GatingState }) {
  const [renaming, setRenaming] = useState<string | null>(null);
  const [combining, setCombining] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const total = state.counts.get('')?.n_events ?? state.file?.table.n_cells ?? null;
  const move = (event: KeyboardEvent) => {
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
    const rows = [...(box.current?.querySelectorAll<HTMLElement>('button.name') ?? [])];
    const next = rows[rows.indexOf(document.activeElement as HTMLElement) + (event.key === 'ArrowDown' ? 1 : -1)];
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    next.focus();
    next.click();
  };
  return (
    <section className="gating-populations" aria-label="Populations">
      <header>
        <h2>Populations</h2>
        {state.mayEdit && state.populations.length > 0 && <Button small look="plain" icon="plus" label="Combine populations" onClick={() => setCombining(true)} />}
      </header>
      <div className="gating-list" ref={box} onKeyDown={move}>
        <div className={state.population ? 'gating-row population' : 'gating-row population current'}>
          <button type="button" className="name" aria-current={state.population ? undefined : 'true'} onClick={() => state.go({ population: '' })}><span className="cut">{state.allName}</span></button>
          <span className="count">{count(total)}</span>
          <span className="percent" />
        </div>
        {state.rows.map((row) =>
          renaming === row.population.id ? (
            <RenameRow key={row.population.id} row={row} onDone={() => setRenaming(null)} />
          ) : (
            <Row key={row.population.id} state={state} row={row} onRename={() => setRenaming(row.population.id)} />
          ),
        )}
        {state.rows.length === 0 && <p className="muted small hint">Draw a gate on a plot: press <kbd className="key">p</kbd> for a polygon, <kbd className="key">r</kbd> for a rectangle.</p>}
      </div>
      {combining && <CombineDialog state={state} onClose={() => setCombining(false)} />}
    </section>
  );
}

function Row({ state, row, onRename }: { state: GatingState; row: TreeRow<Population>; onRename: () => void }) {
  const { population } = row;
  const { layout, change, counts, mayEdit } = state;
  const isHere = state.population?.id === population.id;
  const isOverlaid = layout.overlaid.includes(population.id);
  const counted = counts.get(population.id);
  const above = counts.get(population.parent_id ?? '')?.n_events ?? (population.parent_id ? null : state.file?.table.n_cells);
  const toggle = () => change({ overlaid: isOverlaid ? layout.overlaid.filter((id) => id !== population.id) : [...layout.overlaid, population.id] });
  const below = branchOf(state.populations, population.id).length - 1;
  return (
    <div className={isHere ? 'gating-row population current' : 'gating-row population'} style={{ paddingLeft: 4 + (row.depth + 1) * 10 }}>
      <button type="button" className="overlay-dot" aria-pressed={isOverlaid} aria-label={`Lay ${population.name} over the plots`} title={isOverlaid ? 'Shown over the plots (backgating)' : 'Show over the plots (backgating)'} onClick={toggle}>
        <span style={{ background: isOverlaid ? overlayColor(state, population.id) : undefined }} />
      </button>
      <button
        type="button" className="name" aria-current={isHere ? 'true' : undefined} onClick={() => state.go({ population: population.id })} onDoubleClick={mayEdit ? onRename : undefined}
        onKeyDown={(e) => { if (e.key === 'F2' && mayEdit) onRename(); if (e.key === 'Delete' && mayEdit) void removePopulation(population, true); }}
      >
        <span className="cut" title={row.path.join(' > ')}>{population.name}</span>
      </button>
      <span className="menu-room">
        {mayEdit && (
          <Popover label={`Actions for ${population.name}`} icon="more" small look="plain" menu>
            {(close) => (
              <>
                <Button look="plain" small onClick={() => { close(); onRename(); }}>Rename</Button>
                <Button look="plain" small icon="trash" onClick={() => { close(); void removePopulation(population, true); }}>{below ? `Delete with the ${below} below` : 'Delete'}</Button>
                {below > 0 && <Button look="plain" small onClick={() => { close(); void removePopulation(population, false); }}>Delete it alone</Button>}
              </>
            )}
          </Popover>
        )}
      </span>
      <span className="count">{counted?.n_events == null ? '–' : count(counted.n_events)}</span>
      <span className="percent">{percentText(counted?.n_events, above)}</span>
    </div>
  );
}

function RenameRow({ row, onDone }: { row: TreeRow<Population>; onDone: () => void }) {
  const { population } = row;
  const [name, setName] = useState(population.name);
  const save = () => {
    if (name.trim() && name.trim() !== population.name) void renamePopulation(population, name.trim());
    onDone();
  };
  return (
    <div className="gating-row population" style={{ paddingLeft: 4 + (row.depth + 1) * 10 }}>
      <input
        className="input small" autoFocus aria-label={`Name of ${population.name}`} value={name} onFocus={(e) => e.target.select()} onChange={(e) => setName(e.target.value)} onBlur={save}
        onKeyDown={(e) => { if (e.key === 'Enter') save(); if (e.key === 'Escape') onDone(); }}
      />
    </div>
  );
}
