/** The embedding split by an annotation: one panel for each of its groups, all moved together. */

import { useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { Bits } from '../../../data/bits';
import type { CategoricalColumn } from '../../../data/columns';
import { countCategories } from '../../../data/legend';
import { count } from '../../../data/words';
import { columnQuery } from '../../../state/queries';
import { useViewState } from '../../../state/viewState';
import { Empty, ErrorNote, Skeleton } from '../../../views/states';
import { Control } from '../controls';
import type { ViewProps } from '../registry';
import { NoCells, ScopeLine, useScope } from '../scope';
import { groupings } from '../shared';
import { SideFigure, type Panel } from './SideFigure';

const INITIAL = { by: '' };
const MOST_PANELS = 24;

export default function SideView(props: ViewProps) {
  const { dataset, table, state, shared } = props;
  const scope = useScope(state, shared, table);
  const [chosen, change] = useViewState('side', INITIAL);
  const columns = groupings(table);
  const colored = state.color?.by === 'column' ? state.color.name : '';
  const record = columns.find((c) => c.name === chosen.by) ?? columns.find((c) => c.name !== colored && (c.n_categories ?? 0) > 1 && (c.n_categories ?? 0) <= MOST_PANELS) ?? columns[0];
  const query = useQuery({ ...columnQuery(dataset.id, table.name, record ?? table.columns[0]), enabled: record !== undefined });
  const column = query.data?.kind === 'categorical' ? query.data : null;
  const panels = useMemo(() => (column ? panelsOf(column, scope.bits) : []), [column, scope.bits]);
  if (!columns.length || !table.embeddings.length) {
    return <Empty title="Nothing to set side by side">A table needs an embedding and an annotation with groups. Select cells in the plot and name them, and they are one.</Empty>;
  }
  return (
    <div className="view">
      <div className="toolbar" role="toolbar" aria-label="Side by side">
        <Control label="one panel for each" help="The annotation that divides the cells into panels">
          <select className="input" style={{ maxWidth: 180 }} aria-label="One panel for each" value={record?.name} onChange={(e) => change({ by: e.target.value })}>
            {columns.map((c) => <option key={c.id} value={c.name}>{c.name}</option>)}
          </select>
        </Control>
        <Control label="coloured by" help="As in the plot of cells">
          <select className="input" style={{ maxWidth: 180 }} aria-label="Colour panels by" value={colored} onChange={(e) => state.setView({ color: { by: 'column', name: e.target.value } })}>
            {!colored && <option value="">{state.color?.name ?? 'nothing'}</option>}
            {table.columns.filter((c) => c.kind !== 'text').map((c) => <option key={c.id} value={c.name}>{c.name}</option>)}
          </select>
        </Control>
        {panels.length === MOST_PANELS && <span className="muted small">The {count(MOST_PANELS)} largest groups</span>}
      </div>
      <ScopeLine scope={scope} shared={shared} />
      {scope.n === 0 ? (
        <NoCells />
      ) : query.error || state.error ? (
        <ErrorNote error={query.error ?? state.error} />
      ) : column && state.x && state.y ? (
        <SideFigure {...props} column={column} panels={panels} scope={scope} />
      ) : (
        <Skeleton rows={6} />
      )}
    </div>
  );
}

/** The groups that have cells, in their order; of very many the largest. */
function panelsOf(column: CategoricalColumn, cells: Bits | null): Panel[] {
  const counts = countCategories(column, cells).subarray(1);
  const codes = column.categories.map((_, code) => code).filter((code) => counts[code] > 0);
  const kept = codes.length > MOST_PANELS ? [...codes].sort((a, b) => counts[b] - counts[a]).slice(0, MOST_PANELS).sort((a, b) => a - b) : codes;
  return kept.map((code) => ({ code, name: column.categories[code], count: counts[code] }));
}
