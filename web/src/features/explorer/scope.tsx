/** Which cells the figures count: those that pass the filters or are selected in the plot, or all of them. */

import { useMemo } from 'react';
import type { TableRecord } from '../../api/types';
import type { Bits } from '../../data/bits';
import { filterSelection } from '../../data/selections';
import { count } from '../../data/words';
import { ALL_CELLS, type AskedCells } from '../../state/queries';
import { Button } from '../../views/controls';
import { Empty } from '../../views/states';
import type { Shared } from './shared';
import type { ExplorerState } from './useExplorer';

export interface Scope {
  /** The cells that count; null = all. */
  bits: Bits | null;
  asked: AskedCells;
  n: number;
  total: number;
  /** Annotations of filters have not arrived yet: nothing can be asked. */
  pending: boolean;
  /** How many would count if not all were wanted; null where nothing filters and nothing is selected. */
  narrowed: number | null;
  /** What narrows: 'selected', or 'that pass the filters'. */
  why: string;
}

const ids = new WeakMap<Bits, number>();
let last = 0;

/** A number for a set of cells: the same for the same object, never given twice. */
function idOf(bits: Bits): number {
  const known = ids.get(bits) ?? ++last;
  ids.set(bits, known);
  return known;
}

export function useScope(state: ExplorerState, shared: Shared, table: TableRecord): Scope {
  const { selection, shown, columns, view } = state;
  const total = table.n_cells;
  const bits = useMemo(() => (selection ? (shown ? selection.and(shown) : selection) : shown), [selection, shown]);
  const pending = !selection && view.filters.some((f) => !columns.has(f.column) && table.columns.some((c) => c.name === f.column));
  const asked = useMemo((): AskedCells => {
    if (shared.all || !bits) return ALL_CELLS;
    if (selection) return { selection: { cells: Array.from(bits.toIndices()) }, key: `cells ${idOf(bits)}` };
    const said = filterSelection(view.filters, columns);
    return said ? { selection: said, key: JSON.stringify(said) } : ALL_CELLS;
  }, [shared.all, bits, selection, view.filters, columns]);
  const n = useMemo(() => bits?.count() ?? total, [bits, total]);
  return {
    bits: shared.all ? null : bits,
    asked,
    n: shared.all ? total : n,
    total,
    pending: pending && !shared.all,
    narrowed: bits ? n : null,
    why: selection ? 'selected' : 'that pass the filters',
  };
}

/** How many cells a figure counts, in words. */
export const scopeText = ({ n, total, bits, why }: Scope) => (bits ? `${count(n)} of ${count(total)} cells, ${why === 'selected' ? 'the selected ones' : 'those that pass the filters'}` : `${count(total)} cells`);

export const NoCells = () => <Empty title="No cell is left">No cell passes all filters at once. Clear some in the view Cells, or use all cells.</Empty>;

/** Says which cells count, and offers the others. */
export function ScopeLine({ scope, shared }: { scope: Scope; shared: Shared }) {
  if (scope.narrowed === null) return null;
  return (
    <div className="scope-line row small" role="status">
      {shared.all ? (
        <>
          <span>All {count(scope.total)} cells</span>
          <Button small onClick={() => shared.setAll(false)}>Only the {count(scope.narrowed)} {scope.why}</Button>
        </>
      ) : (
        <>
          <span><strong>{count(scope.narrowed)}</strong> of {count(scope.total)} cells: those {scope.why === 'selected' ? 'selected in the plot' : scope.why}</span>
          <Button small onClick={() => shared.setAll(true)}>Use all cells</Button>
        </>
      )}
    </div>
  );
}
