/** The frame of the views of a table: tabs above, a second view beside the first, both remembered and in the address. */

import { useEffect, useId, useRef, useState, type KeyboardEvent } from 'react';
import type { Dataset, Study, TableRecord } from '../../api/types';
import { offerShortcuts } from '../../state/keyboard';
import { changeQuery } from '../../state/route';
import { rememberedStore, useStore } from '../../state/store';
import { Button, Icon } from '../../views/controls';
import { VIEWS, viewOf, type ViewProps } from './registry';
import { useShared } from './shared';
import { useExplorer } from './useExplorer';

const FIRST = VIEWS[0].id;
const SHARE = rememberedStore('cytosol.split', 0.5);
const [LEAST, MOST] = [0.25, 0.75];

/** The views that are open: one, or two side by side; from the address, else as they were left. */
function useOpenViews(datasetId: string, table: string): [string[], (views: string[]) => void] {
  const [store] = useState(() => rememberedStore<string[]>(`cytosol.views.${datasetId}.${table}`, []));
  const [views, setViews] = useState(() => {
    const named = new URL(location.href).searchParams.get('views')?.split(',') ?? store.get();
    const known = named.filter((id) => viewOf(id)).slice(0, 2);
    return known.length ? known : [FIRST];
  });
  const set = (next: string[]) => {
    setViews(next);
    store.set(next);
    changeQuery('views', next.join(','));
  };
  return [views, set];
}

export function Frame({ study, dataset, table }: { study: Study; dataset: Dataset; table: TableRecord }) {
  const state = useExplorer(dataset, table);
  const shared = useShared(table, state.color?.by === 'column' ? state.color.name : null);
  const [views, setViews] = useOpenViews(dataset.id, table.name);
  const id = useId();
  const [main, beside] = views;
  const openMain = (view: string) => setViews(view === beside ? [view, main] : [view, ...views.slice(1)]);
  const openBeside = (view: string) => setViews(view === main ? [beside ?? FIRST, view] : [main, view]);
  const latest = useRef(openMain);
  useEffect(() => {
    latest.current = openMain;
  });
  useEffect(() => offerShortcuts(VIEWS.map((view) => ({ keys: `v ${view.key}`, title: `View: ${view.title.toLowerCase()}`, run: () => latest.current(view.id) }))), []);
  const props = { study, dataset, table, state, shared };
  const other = VIEWS.find((view) => view.id !== main)?.id;
  return (
    <div className="frame">
      <h1 className="hidden-label">{dataset.name}</h1>
      <div className="view-bar">
        <ViewTabs current={main} panelId={id} onOpen={openMain} />
        {other && !beside && <Button look="plain" small icon="split" label="Show a second view beside this one" onClick={() => setViews([main, other])} />}
      </div>
      <Panes>
        <section className="pane" role="tabpanel" id={id} aria-label={viewOf(main)?.title}>
          <Pane key={main} id={main} {...props} open={openMain} />
        </section>
        {beside && (
          <section className="pane" aria-label={`${viewOf(beside)?.title}, beside`}>
            <div className="view-bar">
              <select className="input small" aria-label="View beside" value={beside} onChange={(e) => openBeside(e.target.value)}>
                {VIEWS.map((view) => <option key={view.id} value={view.id}>{view.title}</option>)}
              </select>
              <span className="grow" />
              <Button look="plain" small icon="close" label="Close the view beside" onClick={() => setViews([main])} />
            </div>
            <Pane key={beside} id={beside} {...props} open={openBeside} />
          </section>
        )}
      </Panes>
    </div>
  );
}

function Pane({ id, ...props }: ViewProps & { id: string }) {
  const view = viewOf(id);
  return view ? <view.component {...props} /> : null;
}

function ViewTabs({ current, panelId, onOpen }: { current: string; panelId: string; onOpen: (view: string) => void }) {
  const list = useRef<HTMLDivElement>(null);
  const onKey = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, Home: -VIEWS.length, End: VIEWS.length }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    const at = VIEWS.findIndex((view) => view.id === current);
    const next = Math.abs(step) > 1 ? Math.max(0, Math.min(VIEWS.length - 1, at + step)) : (at + step + VIEWS.length) % VIEWS.length;
    onOpen(VIEWS[next].id);
    list.current?.querySelectorAll('button')[next]?.focus();
  };
  return (
    <div className="view-tabs" role="tablist" aria-label="Views" ref={list} onKeyDown={onKey}>
      {VIEWS.map((view) => (
        <button key={view.id} type="button" role="tab" aria-selected={view.id === current} aria-controls={view.id === current ? panelId : undefined} tabIndex={view.id === current ? 0 : -1} onClick={() => onOpen(view.id)}>
          <Icon name={view.icon} size={15} />
          {view.title}
        </button>
      ))}
    </div>
  );
}

/** One view, or two with a bar between that is moved by pointer or arrow keys. */
function Panes({ children }: { children: [React.ReactNode, React.ReactNode] }) {
  const share = useStore(SHARE);
  const box = useRef<HTMLDivElement>(null);
  const set = (value: number) => SHARE.set(Math.min(MOST, Math.max(LEAST, value)));
  if (!children[1]) return <div className="panes">{children[0]}</div>;
  const drag = (event: React.PointerEvent) => {
    const rect = box.current?.getBoundingClientRect();
    if (rect && event.buttons === 1) set((event.clientX - rect.left) / rect.width);
  };
  return (
    <div className="panes split" ref={box} style={{ '--share': share } as React.CSSProperties}>
      {children[0]}
      <div
        className="divider"
        role="separator"
        tabIndex={0}
        aria-orientation="vertical"
        aria-label="Width of the first view"
        aria-valuenow={Math.round(share * 100)}
        aria-valuemin={LEAST * 100}
        aria-valuemax={MOST * 100}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={drag}
        onKeyDown={(event) => {
          const step = { ArrowRight: 0.05, ArrowLeft: -0.05 }[event.key];
          if (step === undefined) return;
          event.preventDefault();
          event.stopPropagation();
          set(share + step);
        }}
      />
      {children[1]}
    </div>
  );
}
