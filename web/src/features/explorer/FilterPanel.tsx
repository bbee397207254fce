/** Filters by several annotations at once. */

import { useMemo } from 'react';
import type { TableRecord } from '../../api/types';
import { MISSING_COLOR } from '../../data/colors';
import { histogram, type CategoricalColumn, type NumericColumn } from '../../data/columns';
import { intersect, withFilter, type CategoryFilter, type RangeFilter } from '../../data/filters';
import { countCategories, legendEntries, sortEntries, toggleHidden } from '../../data/legend';
import { count } from '../../data/words';
import { Button } from '../../views/controls';
import { RangeSlider } from '../../views/RangeSlider';
import type { ExplorerState } from './useExplorer';

interface Props {
  state: ExplorerState;
  table: TableRecord;
  open: string[];
  onOpen: (names: string[]) => void;
  /** Left out where one may not add data to the study. */
  onSubset?: () => void;
}

export function FilterPanel({ state, table, open, onOpen, onSubset }: Props) {
  const passing = state.shown?.count() ?? 0;
  const names = [...new Set([...open, ...state.view.filters.map((f) => f.column)])];
  const free = table.columns.filter((c) => c.kind !== 'text' && !names.includes(c.name));
  const close = (name: string) => {
    onOpen(open.filter((n) => n !== name));
    state.setView({ filters: withFilter(state.view.filters, name, null) });
  };
  return (
    <section className="panel" aria-label="Filters">
      <header>
        <h2>Filters</h2>
        {state.view.filters.length > 0 && <Button small look="plain" onClick={() => { onOpen([]); state.reset(); }}>Clear</Button>}
      </header>
      {names.map((name) => {
        const column = state.columns.get(name);
        return (
          <div className="filter-box" key={name}>
            <div className="row">
              <strong className="grow cut">{name}</strong>
              <Button small look="plain" icon="close" label={`Remove the filter by ${name}`} onClick={() => close(name)} />
            </div>
            {!column && <span className="skeleton" />}
            {column?.kind === 'categorical' && <CategoryBox state={state} column={column} />}
            {column?.kind === 'numeric' && <RangeBox state={state} column={column} />}
          </div>
        );
      })}
      {free.length > 0 && (
        <select
          className="input small"
          aria-label="Add a filter"
          value=""
          onChange={(e) => {
            onOpen([...open, e.target.value]);
            state.open(e.target.value);
          }}
        >
          <option value="">Add a filter…</option>
          {free.map((c) => <option key={c.id} value={c.name}>{c.name}</option>)}
        </select>
      )}
      {onSubset && passing > 0 && passing < state.n && (
        <Button small title="The cells that pass as a dataset of their own, with clusters of their own" onClick={onSubset}>New dataset of the {count(passing)} cells</Button>
      )}
    </section>
  );
}

const SHOWN = 200;

function CategoryBox({ state, column }: { state: ExplorerState; column: CategoricalColumn }) {
  const { passed, view, setView } = state;
  const filter = view.filters.find((f): f is CategoryFilter => f.kind === 'categories' && f.column === column.name);
  const hidden = filter?.hidden ?? [];
  const entries = useMemo(() => {
    const others = intersect(column.codes.length, passed, column.name);
    const colors = column.categories.map(() => MISSING_COLOR);
    return sortEntries(legendEntries(column, countCategories(column, others), colors, MISSING_COLOR), view.sort);
  }, [column, passed, view.sort]);
  const set = (next: string[]) =>
    setView((now) => ({ filters: withFilter(now.filters, column.name, next.length ? { kind: 'categories', column: column.name, hidden: next } : null) }));
  return (
    <>
      <div className="row">
        <Button small look="plain" onClick={() => set([])}>All</Button>
        <Button small look="plain" onClick={() => set(entries.map((e) => e.name))}>None</Button>
      </div>
      <div className="filter-list">
        {entries.slice(0, SHOWN).map((entry) => (
          <label key={entry.name}>
            <input type="checkbox" checked={!hidden.includes(entry.name)} onChange={() => set(toggleHidden(hidden, entry.name))} />
            <span className="cut">{entry.label}</span>
            <span className="count">{count(entry.count)}</span>
          </label>
        ))}
        {entries.length > SHOWN && <span className="small muted">and {count(entries.length - SHOWN)} more</span>}
      </div>
    </>
  );
}

function RangeBox({ state, column }: { state: ExplorerState; column: NumericColumn }) {
  const { view, setView } = state;
  const bins = useMemo(() => histogram(column.values, 48), [column]);
  const filter = view.filters.find((f): f is RangeFilter => f.kind === 'range' && f.column === column.name);
  return (
    <RangeSlider
      label={column.name}
      histogram={bins}
      low={filter?.low ?? bins.low}
      high={filter?.high ?? bins.high}
      onChange={(low, high) => {
        const all = low <= bins.low && high >= bins.high;
        setView((now) => ({ filters: withFilter(now.filters, column.name, all ? null : { kind: 'range', column: column.name, low, high }) }));
      }}
    />
  );
}
