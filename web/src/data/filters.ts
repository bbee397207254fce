/** Which cells are shown: hidden categories and numeric ranges of several annotations at once. */

import { Bits } from './bits';
import type { CategoricalColumn, Column, NumericColumn } from './columns';

export interface CategoryFilter {
  kind: 'categories';
  column: string;
  /** Names of the categories that are hidden; the empty name with code -1 is `MISSING`. */
  hidden: string[];
}

export interface RangeFilter {
  kind: 'range';
  column: string;
  low: number;
  high: number;
}

export type Filter = CategoryFilter | RangeFilter;

/** The name under which cells without a value are hidden or shown. */
export const MISSING = '\u0000missing';

function passCategories(column: CategoricalColumn, filter: CategoryFilter): Bits {
  const hidden = new Set(filter.hidden);
  const keep = new Uint8Array(column.categories.length + 1);
  column.categories.forEach((name, i) => (keep[i + 1] = hidden.has(name) ? 0 : 1));
  keep[0] = hidden.has(MISSING) ? 0 : 1;
  const bits = new Bits(column.codes.length);
  for (let i = 0; i < column.codes.length; i++) if (keep[column.codes[i] + 1]) bits.words[i >>> 5] |= 1 << (i & 31);
  return bits;
}

/** Cells within the range, both ends included; cells without a value are out. */
function passRange(column: NumericColumn, filter: RangeFilter): Bits {
  const { values } = column;
  const bits = new Bits(values.length);
  for (let i = 0; i < values.length; i++) {
    if (values[i] >= filter.low && values[i] <= filter.high) bits.words[i >>> 5] |= 1 << (i & 31);
  }
  return bits;
}

/** The cells that pass one filter; null where the column is not there or of another kind. */
export function passFilter(column: Column | undefined, filter: Filter): Bits | null {
  if (column?.kind === 'categorical' && filter.kind === 'categories') return passCategories(column, filter);
  if (column?.kind === 'numeric' && filter.kind === 'range') return passRange(column, filter);
  return null;
}

export interface Passed {
  column: string;
  bits: Bits;
}

export function passAll(filters: Filter[], columns: ReadonlyMap<string, Column>): Passed[] {
  return filters.flatMap((filter) => {
    const bits = passFilter(columns.get(filter.column), filter);
    return bits ? [{ column: filter.column, bits }] : [];
  });
}

/** The cells that pass every filter, but for those on the column `except` (for counts that stay put when toggled). */
export function intersect(length: number, passed: Passed[], except?: string): Bits {
  let out: Bits | null = null;
  for (const { column, bits } of passed) {
    if (column === except) continue;
    out = out ? out.and(bits) : bits;
  }
  return out ?? Bits.full(length);
}

/** Replace, add or (with null) drop the filter of a column. */
export function withFilter(filters: Filter[], column: string, filter: Filter | null): Filter[] {
  const rest = filters.filter((f) => f.column !== column);
  return filter ? [...rest, filter] : rest;
}
