/** The legend of what is coloured by, and editing the annotation where that is allowed. */

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import type { ColumnRecord, Study } from '../../api/types';
import { mapHex, type MapName } from '../../data/colors';
import { withFilter, type CategoryFilter } from '../../data/filters';
import { isolate, recolored, toggleHidden, type LegendSort } from '../../data/legend';
import { number, plural } from '../../data/words';
import { useSession } from '../../state/queries';
import { useStore } from '../../state/store';
import { shownTheme } from '../../state/theme';
import { Button } from '../../views/controls';
import { LegendView } from '../../views/LegendView';
import { AnnotationEditor } from './AnnotationEditor';
import type { AnnotationActions } from './annotations';
import { TermsPanel } from './TermsPanel';
import type { ExplorerState } from './useExplorer';

interface Props {
  state: ExplorerState;
  study: Study;
  record: ColumnRecord | null;
  actions: AnnotationActions;
  /** Where the annotation lies; without it no standard terms are shown. */
  place?: { datasetId: string; tableName: string };
}

export function ColorPanel({ state, study, record, actions, place }: Props) {
  const [mode, setMode] = useState<'legend' | 'edit' | 'terms'>('legend');
  const { coloring } = state;
  const isOfGroups = record !== null && record.kind === 'categorical';
  // an annotation that only oneself sees is one's own
  const mayEdit = isOfGroups && (record.private || study.permissions.includes('annotation.edit'));
  const toggle = (next: 'edit' | 'terms') => setMode(mode === next ? 'legend' : next);
  if (!state.color) return null;
  return (
    <section className="panel" aria-label="Legend">
      <header>
        <h2 className="cut" title={state.color.name}>{state.color.name}</h2>
        {isOfGroups && place && <Button small aria-pressed={mode === 'terms'} title="Standard terms of the categories" onClick={() => toggle('terms')}>{mode === 'terms' ? 'Done' : 'Terms'}</Button>}
        {mayEdit && <Button small aria-pressed={mode === 'edit'} onClick={() => toggle('edit')}>{mode === 'edit' ? 'Done' : 'Edit'}</Button>}
      </header>
      {record && <Publishing key={record.version} record={record} mayPublish={study.permissions.includes('annotation.edit')} actions={actions} />}
      {coloring.scale && <NumericLegend state={state} />}
      {coloring.entries &&
        (mode === 'edit' && mayEdit && record ? (
          <AnnotationEditor record={record} entries={coloring.entries} actions={actions} onGone={() => setMode('legend')} />
        ) : mode === 'terms' && record && place ? (
          <TermsPanel {...place} record={record} entries={coloring.entries} mayEdit={mayEdit} actions={actions} />
        ) : (
          <CategoryLegend state={state} onColor={mayEdit && record ? (name, color) => void actions.patch(record, { colors: recolored(coloring.entries ?? [], name, color) }, 'Colour changed') : undefined} />
        ))}
      {!coloring.scale && !coloring.entries && !state.error && <span className="skeleton" />}
    </section>
  );
}

interface PublishingProps {
  record: ColumnRecord;
  mayPublish: boolean;
  actions: AnnotationActions;
}

/** Who sees an annotation, where it is or was one's own, and changing that. */
function Publishing({ record, mayPublish, actions }: PublishingProps) {
  const me = useSession().data?.user.email;
  const isMine = !record.private && mayPublish && record.created_by === me;
  const last = useQuery({ queryKey: ['published', record.id, record.version], queryFn: () => actions.published(record), enabled: isMine }).data;
  if (record.private) {
    return (
      <div className="row small">
        <span className="pill">only you see it</span>
        <span className="grow" />
        {mayPublish && <Button small title="All who read the study see it then; it can be taken back" onClick={() => void actions.publish(record)}>Publish</Button>}
      </div>
    );
  }
  if (!isMine || !last) return null;
  return (
    <div className="row small">
      <span className="pill">published by you</span>
      <span className="grow" />
      <Button small title="Only you see it then, as before" onClick={() => void actions.takeBack(last)}>Take back</Button>
    </div>
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
