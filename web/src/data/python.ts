/** Python that asks the server for what a figure shows. */

import type { Selection } from './selections';

/** A text or a list of texts as Python spells it. */
export function literal(value: string | number | boolean | null | string[]): string {
  if (Array.isArray(value)) return `[${value.map(literal).join(', ')}]`;
  if (value === null) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number') return String(value);
  return JSON.stringify(value);
}

/** The lines that every script begins with; `table` is then the table. */
export function preamble(server: string, datasetId: string, tableName: string): string {
  return [
    'import cytosol',
    '',
    '# a token: in the page under Tokens',
    `client = cytosol.Client(${literal(server)}, token="...")`,
    `table = client.dataset(${literal(datasetId)}).table(${literal(tableName)})`,
    '',
  ].join('\n');
}

const MOST_CELLS = 2000;
export const TOO_MANY_CELLS = '# too many cells to write down here: save them as an annotation in the page and name its groups';

/** Any JSON as Python spells it; of very many row numbers a hint how to say them shorter. */
function spelled(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spelled).join(', ')}]`;
  if (value && typeof value === 'object') {
    return `{${Object.entries(value).map(([name, inner]) => `${literal(name)}: ${spelled(inner)}`).join(', ')}}`;
  }
  return literal(value as string | number | boolean | null);
}

/** The line that names a selection of cells. */
export function selectionLine(selection: Selection): string {
  if ('cells' in selection && selection.cells.length > MOST_CELLS) return `${TOO_MANY_CELLS}\nselection = {"cells": [...]}`;
  return `selection = ${spelled(selection)}`;
}

/** A selection as an expression on the frame `obs`, and the annotations that it reads. */
export function maskOf(selection: Selection): { mask: string; columns: string[] } {
  if ('and' in selection) {
    const parts = selection.and.map(maskOf);
    return { mask: parts.map((p) => `(${p.mask})`).join(' & '), columns: parts.flatMap((p) => p.columns) };
  }
  if ('not' in selection) {
    const inner = maskOf(selection.not);
    return { ...inner, mask: `~(${inner.mask})` };
  }
  if ('cells' in selection) {
    const cells = selection.cells.length > MOST_CELLS ? `[...]  ${TOO_MANY_CELLS}` : spelled(selection.cells);
    return { mask: `pd.Series(range(len(obs)), obs.index).isin(${cells})`, columns: [] };
  }
  if ('range' in selection) {
    const [low, high] = selection.range.map((end, i) => (end === null ? `float("${i ? '' : '-'}inf")` : String(end)));
    return { mask: `obs[${literal(selection.column)}].between(${low}, ${high})`, columns: [selection.column] };
  }
  if ('groups' in selection) {
    const column = `obs[${literal(selection.column)}]`;
    const names = selection.groups.filter((g) => g !== null);
    const parts = [...(names.length ? [`${column}.isin(${literal(names)})`] : []), ...(selection.groups.includes(null) ? [`${column}.isna()`] : [])];
    return { mask: parts.join(' | '), columns: [selection.column] };
  }
  return { mask: 'True', columns: [] };
}
