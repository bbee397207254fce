/** Numbers as CSV (RFC 4180). */

export type Cell = string | number | null | undefined;

const spell = (cell: Cell): string => {
  if (cell == null || (typeof cell === 'number' && Number.isNaN(cell))) return '';
  const text = String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
};

export const toCsv = (head: string[], rows: Cell[][]) => [head, ...rows].map((row) => `${row.map(spell).join(',')}\r\n`).join('');
