/** Cells counted by two annotations at once. */

import type { Bits } from './bits';
import type { CategoricalColumn } from './columns';

export interface Crosstab {
  groups: string[];
  categories: string[];
  /** counts[g * categories.length + c] */
  counts: Uint32Array;
}

export const groupTotal = (tab: Crosstab, g: number) => {
  const n = tab.categories.length;
  return tab.counts.subarray(g * n, (g + 1) * n).reduce((sum, v) => sum + v, 0);
};

export const categoryTotal = (tab: Crosstab, c: number) => tab.groups.reduce((sum, _, g) => sum + tab.counts[g * tab.categories.length + c], 0);

/** Cells with a value in both, of some cells or (null) all; groups and categories without any cell are left out. */
export function crosstab(by: CategoricalColumn, of: CategoricalColumn, cells: Bits | null = null): Crosstab {
  const n = of.categories.length;
  const counts = new Uint32Array(by.categories.length * n);
  for (let i = 0; i < by.codes.length; i++) if ((!cells || cells.has(i)) && by.codes[i] >= 0 && of.codes[i] >= 0) counts[by.codes[i] * n + of.codes[i]]++;
  return withoutEmpty({ groups: by.categories, categories: of.categories, counts });
}

/** Several tables of cells, each in the group that its table belongs to; categories are matched by name. */
export function stack(parts: { group: string; column: CategoricalColumn }[]): Crosstab {
  const groups = [...new Set(parts.map((part) => part.group))];
  const categories = [...new Set(parts.flatMap((part) => part.column.categories))];
  const counts = new Uint32Array(groups.length * categories.length);
  for (const { group, column } of parts) {
    const start = groups.indexOf(group) * categories.length;
    const places = column.categories.map((name) => start + categories.indexOf(name));
    for (const code of column.codes) if (code >= 0) counts[places[code]]++;
  }
  return withoutEmpty({ groups, categories, counts });
}

function withoutEmpty(tab: Crosstab): Crosstab {
  const groups = tab.groups.map((_, g) => g).filter((g) => groupTotal(tab, g) > 0);
  const categories = tab.categories.map((_, c) => c).filter((c) => categoryTotal(tab, c) > 0);
  const counts = Uint32Array.from(groups.flatMap((g) => categories.map((c) => tab.counts[g * tab.categories.length + c])));
  return { groups: groups.map((g) => tab.groups[g]), categories: categories.map((c) => tab.categories[c]), counts };
}
