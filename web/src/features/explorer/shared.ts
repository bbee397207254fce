/** What the views of a table have in common, in the address: `genes`, `group` and `cells`. */

import { useState } from 'react';
import { nameList } from '../../api/datasets';
import type { TableRecord } from '../../api/types';
import type { SideDraft } from '../../data/selections';
import { changeQuery } from '../../state/route';

export interface Shared {
  genes: string[];
  setGenes: (genes: string[]) => void;
  /** The annotation by which cells are grouped; '' where the table has none. */
  group: string;
  setGroup: (column: string) => void;
  /** Whether figures count all cells, whatever is filtered or selected. */
  all: boolean;
  setAll: (all: boolean) => void;
  /** The two sides of a comparison that is being chosen, while other views are open too; null = none is. */
  sides: Sides | null;
  setSides: (sides: Sides | null) => void;
}

export interface Sides {
  first: SideDraft;
  second: SideDraft;
}

/** Names from one text with commas between; the other way round than `nameList`. */
export function namesOf(text: string | null): string[] {
  if (!text) return [];
  const names: string[] = [''];
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\' && i + 1 < text.length) names[names.length - 1] += text[++i];
    else if (text[i] === ',') names.push('');
    else names[names.length - 1] += text[i];
  }
  return names.filter((name) => name !== '');
}

/** Before the name of an attribute of the samples, where a name of an annotation could stand too. */
export const ATTRIBUTE = 'attribute:';
/** A grouping as people read it. */
export const titleOf = (group: string) => (group.startsWith(ATTRIBUTE) ? group.slice(ATTRIBUTE.length) : group);

/** The annotations that group cells. */
export const groupings = (table: TableRecord) => table.columns.filter((c) => c.kind === 'categorical' && (c.n_categories ?? 0) > 0);

function defaultGroup(table: TableRecord, colored: string | null): string {
  const columns = groupings(table);
  const best = columns.find((c) => c.name === colored) ?? columns.find((c) => (c.n_categories ?? 0) > 1 && (c.n_categories ?? 0) <= 60) ?? columns[0];
  return best?.name ?? '';
}

/** `colored`: the annotation by which the cells are coloured; it groups as long as nothing else is chosen. */
export function useShared(table: TableRecord, colored: string | null): Shared {
  const [genes, setGenes] = useState(() => namesOf(new URL(location.href).searchParams.get('genes')));
  const [group, setGroup] = useState(() => new URL(location.href).searchParams.get('group') ?? '');
  const [sides, setSides] = useState<Sides | null>(null);
  const [all, setAll] = useState(() => new URL(location.href).searchParams.get('cells') === 'all');
  const isThere = groupings(table).some((c) => c.name === group) || group.startsWith(ATTRIBUTE);
  return {
    genes,
    setGenes: (next) => {
      const unique = [...new Set(next)];
      setGenes(unique);
      changeQuery('genes', unique.length ? nameList(unique) : null);
    },
    group: isThere ? group : defaultGroup(table, colored),
    setGroup: (column) => {
      setGroup(column);
      changeQuery('group', column);
    },
    sides,
    setSides,
    all,
    setAll: (next) => {
      setAll(next);
      changeQuery('cells', next ? 'all' : null);
    },
  };
}
