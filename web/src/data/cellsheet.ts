/** Text copied from a spreadsheet, and cells typed by hand. */

/** Rows of tab-separated cells; quoted cells may hold tabs and line breaks. Empty last lines are dropped. */
export function parseTabs(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let quoted = false;
  const endCell = () => {
    row.push(cell.trim());
    cell = '';
  };
  const endRow = () => {
    endCell();
    rows.push(row);
    row = [];
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c === '"' && text[i + 1] === '"') {
        cell += '"';
        i++;
      } else if (c === '"') quoted = false;
      else cell += c;
    } else if (c === '"' && cell === '') quoted = true;
    else if (c === '\t') endCell();
    else if (c === '\n') endRow();
    else if (c !== '\r') cell += c;
  }
  if (cell !== '' || row.length) endRow();
  while (rows.length && rows[rows.length - 1].every((v) => v === '')) rows.pop();
  return rows;
}

export type CellKind = 'text' | 'number' | 'boolean';

/** A typed value from what was typed; an Error says why it cannot be. Empty is no value. */
export function parseCell(text: string, kind: CellKind): string | number | boolean | null | Error {
  const t = text.trim();
  if (t === '') return null;
  if (kind === 'text') return t;
  if (kind === 'number') {
    const v = Number(t.replace(/\s/g, ''));
    return Number.isFinite(v) ? v : new Error(`‘${t}’ is not a number. Write it with a point, such as 3.5.`);
  }
  if (/^(true|yes|1)$/i.test(t)) return true;
  if (/^(false|no|0)$/i.test(t)) return false;
  return new Error(`‘${t}’ is neither yes nor no.`);
}

export const showCell = (value: string | number | boolean | null | undefined) =>
  value == null ? '' : value === true ? 'yes' : value === false ? 'no' : String(value);
