/** The legend of what is coloured by, and editing the annotation where that is allowed. */

import { useState } from 'react';
import type { ColumnRecord, Study } from '../../api/types';
import { mapHex, type MapName } from '../../data/colors';
import { withFilter, type CategoryFilter } from '../../data/filters';
import { isolate, recolored, toggleHidden, type LegendSort } from '../../data/legend';
import { number, plural } from '../../data/words';
import { useStore } from '../../state/store';
import { shownTheme } from '../../state/theme';
import { Button } from '../../views/controls';
import { LegendView } from '../../views/LegendView';
import { AnnotationEditor } from './AnnotationEditor';
import type { AnnotationActions } from './annotations';
import type { ExplorerState } from './useExplorer';

interface Props {
  state: ExplorerState;
  study: Study;
  record: ColumnRecord | null;
  actions: AnnotationActions;
}

export function ColorPanel({ state, study, record, actions }: Props) {
  const [editing, setEditing] = useState(false);
  const { coloring } = state;
  const mayEdit = record !== null && record.kind === 'categorical' && study.permissions.includes('annotation.edit');
  if (!state.color) return null;
  return (
    <section className="panel" aria-label="Legend">
      <header>
        <h2 className="cut" title={state.color.name}>{state.color.name}</h2>
        {mayEdit && <Button small aria-pressed={editing} onClick={() => setEditing(!editing)}>{editing ? 'Done' : 'Edit'}</Button>}
      </header>
      {coloring.scale && <NumericLegend state={state} />}
      {coloring.entries &&
        (editing && mayEdit && record ? (
          <AnnotationEditor record={record} entries={coloring.entries} actions={actions} onGone={() => setEditing(false)} />
        ) : (
          <CategoryLegend state={state} onColor={mayEdit && record ? (name, color) => void actions.patch(record, { colors: recolored(coloring.entries ?? [], name, color) }, 'Colour changed') : undefined} />
        ))}
      {!coloring.scale && !coloring.entries && !state.error && <span className="skeleton" />}
    </section>
  );
}

const SHOWN = 300;

function CategoryLegend({ state, onColor }: { state: ExplorerState; onColor?: (name: string, color: string) => void }) {
  const { view, setView, coloring, color } = state;
  const entries = coloring.entries ?? [];
  const column = color?.name ?? '';
  const filter = view.filters.find((f): f is CategoryFilter => f.kind === 'categories' && f.column === column);
  const hidden = filter?.hidden ?? [];
  const set = (next: string[]) =>
    setView((now) => ({ filters: withFilter(now.filters, column, next.length ? { kind: 'categories', column, hidden: next } : null) }));
  return (
    <>
      <div className="row small muted">
        <span className="grow cut">{plural(entries.length, 'group')}</span>
        <label className="row" style={{ gap: 4 }}>
          <span>by</span>
          <select className="input small" style={{ width: 'auto' }} aria-label="Sort the legend by" value={view.sort} onChange={(e) => setView({ sort: e.target.value as LegendSort })}>
            <option value="size">size</option>
            <option value="name">name</option>
            <option value="given">order</option>
          </select>
        </label>
        <label className="check" style={{ gap: 4 }}>
          <input type="checkbox" checked={view.labels} onChange={(e) => setView({ labels: e.target.checked })} /> names
        </label>
      </div>
      <LegendView
        entries={entries.slice(0, SHOWN)}
        hidden={new Set(hidden)}
        onToggle={(name) => set(toggleHidden(hidden, name))}
        onIsolate={(name) => set(isolate(hidden, name, entries.map((e) => e.name)))}
        onColor={onColor}
      />
      {hidden.length > 0 && <Button small onClick={() => set([])}>Show all</Button>}
    </>
  );
}

export const rampOf = (map: MapName, onDark: boolean) => Array.from({ length: 17 }, (_, i) => mapHex(map, i / 16, onDark));

function NumericLegend({ state }: { state: ExplorerState }) {
  const { view, setView, coloring } = state;
  const { scale } = coloring;
  const onDark = useStore(shownTheme) === 'dark';
  if (!scale) return null;
  return (
    <>
      <div className="ramp" style={{ background: `linear-gradient(to right, ${rampOf(view.map, onDark).join(', ')})` }} role="img" aria-label={`Colours from ${number(scale.low)} to ${number(scale.high)}`} />
      <div className="spread small">
        <span>{number(scale.low)}</span>
        <span className="muted">{coloring.unit}</span>
        <span>{scale.clipped ? '≥ ' : ''}{number(scale.high)}</span>
      </div>
      <div className="stack tight">
        <select className="input small" aria-label="Colour map" value={view.map} onChange={(e) => setView({ map: e.target.value as MapName })}>
          <option value="viridis">Viridis</option>
          <option value="cividis">Cividis</option>
          <option value="diverging">Diverging, centred at 0</option>
        </select>
        <select className="input small" aria-label="Upper end of the colours" value={view.clip} onChange={(e) => setView({ clip: Number(e.target.value) })}>
          <option value={100}>to the maximum</option>
          <option value={99}>to 99th percentile</option>
          <option value={95}>to 95th percentile</option>
          <option value={90}>to 90th percentile</option>
        </select>
      </div>
    </>
  );
}
