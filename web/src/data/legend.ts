/** Legends: categories with the number of cells in each. */

import type { Bits } from './bits';
import type { CategoricalColumn } from './columns';
import { MISSING } from './filters';

export interface LegendEntry {
  name: string;
  label: string;
  code: number;
  count: number;
  color: string;
}

export type LegendSort = 'size' | 'name' | 'given';

/** Cells per category within `shown`; entry 0 counts missing, entry i + 1 category i. */
export function countCategories(column: CategoricalColumn, shown: Bits | null): Uint32Array {
  const counts = new Uint32Array(column.categories.length + 1);
  const { codes } = column;
  if (shown === null) {
    for (let i = 0; i < codes.length; i++) counts[codes[i] + 1]++;
    return counts;
  }
  const { words } = shown;
  for (let i = 0; i < codes.length; i++) if (words[i >>> 5] & (1 << (i & 31))) counts[codes[i] + 1]++;
  return counts;
}

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

export function legendEntries(
  column: CategoricalColumn,
  counts: Uint32Array,
  colors: string[],
  missingColor: string,
): LegendEntry[] {
  const entries = column.categories.map((name, code) => ({
    name,
    label: name === '' ? '(empty)' : name,
    code,
    count: counts[code + 1],
    color: colors[code],
  }));
  if (counts[0] > 0) {
    entries.push({ name: MISSING, label: 'No value', code: -1, count: counts[0], color: missingColor });
  }
  return entries;
}

export function sortEntries(entries: LegendEntry[], by: LegendSort): LegendEntry[] {
  const sorted = [...entries];
  if (by === 'size') sorted.sort((a, b) => b.count - a.count || a.code - b.code);
  if (by === 'name') sorted.sort((a, b) => collator.compare(a.label, b.label));
  // What has no value comes last however it is sorted.
  return [...sorted.filter((e) => e.code >= 0), ...sorted.filter((e) => e.code < 0)];
}

/** A click hides or shows one; hidden names in, hidden names out. */
export function toggleHidden(hidden: string[], name: string): string[] {
  return hidden.includes(name) ? hidden.filter((n) => n !== name) : [...hidden, name];
}

/** A shift-click shows only this one; again, it shows all. */
export function isolate(hidden: string[], name: string, all: string[]): string[] {
  const others = all.filter((n) => n !== name);
  const alone = !hidden.includes(name) && others.every((n) => hidden.includes(n));
  return alone ? [] : others;
}

/** The colours to store when one changes: those of the others as they are shown, so that they stay what they are. */
export function recolored(entries: LegendEntry[], name: string, color: string): Record<string, string> {
  const colors = Object.fromEntries(entries.filter((e) => e.code >= 0).map((e) => [e.name, e.color]));
  return { ...colors, [name]: color };
}
