/** Selections of cells as the server takes them, made of what is on the page. */

export type Selection =
  | { column: string; groups: (string | null)[] }
  | { attribute: string; values: (string | null)[] }
  | { cells: number[] }
  | { rest: true };

/** A side of a comparison as it is being chosen. */
export interface SideDraft {
  kind: 'groups' | 'samples' | 'cells' | 'rest';
  /** The annotation, or the attribute of the samples. */
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
  if ('column' in s) return list(s.groups);
  if ('attribute' in s) return `${String(s.attribute)}: ${list(s.values)}`;
  if ('cells' in s) return 'selected cells';
  if ('not' in s) return `not ${selectionText(s.not)}`;
  for (const word of ['and', 'or'] as const) {
    if (word in s && Array.isArray(s[word])) return (s[word] as unknown[]).map(selectionText).join(` ${word} `);
  }
  return 'cells';
}
