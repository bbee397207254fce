/** Selections of cells as the server takes them, made of what is on the page. */

import type { Column } from './columns';
import { MISSING, type Filter } from './filters';
import { count, number } from './words';

export type Selection =
  | { column: string; groups: (string | null)[] }
  | { column: string; range: [number | null, number | null] }
  | { attribute: string; values: (string | null)[] }
  | { cells: number[] }
  | { population: string }
  | { rest: true }
  | { not: Selection }
  | { and: Selection[] };

/** A side of a comparison as it is being chosen. */
export interface SideDraft {
  kind: 'groups' | 'samples' | 'cells' | 'population' | 'rest';
  /** The annotation, the attribute of the samples, or the id of the population. */
  by: string;
  levels: string[];
  /** Rows, of cells that were selected in the plot. */
  cells: number[];
}

export const emptySide = (kind: SideDraft['kind'], by = ''): SideDraft => ({ kind, by, levels: [], cells: [] });

/** The selection, or null as long as something is missing. */
export function toSelection(side: SideDraft): Selection | null {
  if (side.kind === 'rest') return { rest: true };
  if (side.kind === 'cells') return side.cells.length ? { cells: side.cells } : null;
  if (side.kind === 'population') return side.by ? { population: side.by } : null;
  if (!side.by || side.levels.length === 0) return null;
  return side.kind === 'groups' ? { column: side.by, groups: side.levels } : { attribute: side.by, values: side.levels };
}

const some = (names: (string | null)[]) => {
  const shown = names.slice(0, 3).map((name) => name ?? 'no value');
  return shown.join(', ') + (names.length > 3 ? ` and ${names.length - 3} more` : '');
};

/** A selection in words; whatever is not known here is told by what it is made of. */
export function selectionText(said: unknown): string {
  if (!said || typeof said !== 'object') return 'cells';
  const s = said as Record<string, unknown>;
  const list = (value: unknown) => some(Array.isArray(value) ? (value as (string | null)[]) : []);
  if ('rest' in s) return 'all other cells';
  if (Array.isArray(s.range)) return `${String(s.column)} ${(s.range as (number | null)[]).map((end) => (end === null ? '…' : number(end))).join(' to ')}`;
  if ('column' in s) return list(s.groups);
  if ('attribute' in s) return `${String(s.attribute)}: ${list(s.values)}`;
  if ('population' in s) return 'a gated population';
  if ('cells' in s) return `${count(typeof s.n_cells === 'number' ? s.n_cells : Array.isArray(s.cells) ? s.cells.length : 0)} selected cells`;
  if ('not' in s) return `not ${selectionText(s.not)}`;
  for (const word of ['and', 'or'] as const) {
    if (word in s && Array.isArray(s[word])) return (s[word] as unknown[]).map(selectionText).join(` ${word} `);
  }
  return 'cells';
}

/** What one filter lets pass; null where it hides nothing that the column has. */
function passedBy(filter: Filter, column: Column): Selection | null {
  if (filter.kind === 'range') return column.kind === 'numeric' ? { column: filter.column, range: [filter.low, filter.high] } : null;
  if (column.kind !== 'categorical') return null;
  const name = (category: string) => (category === MISSING ? null : category);
  const all = [...column.categories, ...(column.codes.includes(-1) ? [MISSING] : [])];
  const hidden = all.filter((category) => filter.hidden.includes(category));
  if (hidden.length === 0) return null;
  const kept = all.filter((category) => !filter.hidden.includes(category));
  return hidden.length < kept.length || kept.length === 0
    ? { not: { column: filter.column, groups: hidden.map(name) } }
    : { column: filter.column, groups: kept.map(name) };
}

/** The cells that pass all filters; null = all cells. Filters of columns that are not there count for nothing. */
export function filterSelection(filters: Filter[], columns: ReadonlyMap<string, Column>): Selection | null {
  const parts = filters.flatMap((filter) => {
    const column = columns.get(filter.column);
    const passed = column ? passedBy(filter, column) : null;
    return passed ? [passed] : [];
  });
  return parts.length > 1 ? { and: parts } : (parts[0] ?? null);
}
