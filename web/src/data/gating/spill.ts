/** Spillover matrices, row by row: row = dye, column = detector. c = m · S⁻¹. */

export const identity = (n: number): number[] => Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0));

/** The inverse (Gauss and Jordan, with the largest pivot); null where there is none. */
export function inverted(matrix: number[], n: number): number[] | null {
  const a = Array.from({ length: n }, (_, i) => [...matrix.slice(i * n, i * n + n), ...identity(n).slice(i * n, i * n + n)]);
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(a[i][k]) > Math.abs(a[pivot][k])) pivot = i;
    if (!(Math.abs(a[pivot][k]) > 1e-12)) return null;
    [a[k], a[pivot]] = [a[pivot], a[k]];
    const p = a[k][k];
    a[k] = a[k].map((v) => v / p);
    for (let i = 0; i < n; i++) {
      if (i === k || a[i][k] === 0) continue;
      const f = a[i][k];
      a[i] = a[i].map((v, j) => v - f * a[k][j]);
    }
  }
  return a.flatMap((row) => row.slice(n));
}

/** One channel of all events, compensated: the sum of all measured ones by a column of the inverse. */
export function compensated(columns: Float32Array[], inverse: number[], channel: number): Float32Array {
  const n = columns.length;
  const out = new Float32Array(columns[0]?.length ?? 0);
  for (let i = 0; i < n; i++) {
    const weight = inverse[i * n + channel];
    if (weight === 0) continue;
    const column = columns[i];
    for (let e = 0; e < out.length; e++) out[e] += weight * column[e];
  }
  return out;
}

export function matrixCsv(channels: string[], matrix: number[]): string {
  const n = channels.length;
  const spell = (text: string) => (/[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);
  const rows = channels.map((channel, i) => [spell(channel), ...matrix.slice(i * n, i * n + n).map(String)].join(','));
  return `${['', ...channels.map(spell)].join(',')}\r\n${rows.join('\r\n')}\r\n`;
}

/** A square table with names of channels above, and before the rows or not; commas, semicolons or tabs. */
export function parseMatrixCsv(text: string): { channels: string[]; matrix: number[] } {
  const lines = text.split(/\r\n?|\n/).filter((line) => line.trim());
  const head = lines[0] ?? '';
  const separator = ['\t', ';', ','].find((s) => head.includes(s)) ?? ',';
  const cells = lines.map((line) => line.split(separator).map((cell) => cell.trim().replace(/^"(.*)"$/, '$1')));
  const named = cells.length > 1 && cells[1].length > 0 && Number.isNaN(Number(cells[1][0] || NaN));
  const channels = cells[0].slice(named && cells[0].length === cells[1].length ? 1 : 0).filter(Boolean);
  const matrix = cells.slice(1).flatMap((row) => row.slice(named ? 1 : 0)).map(Number);
  if (channels.length < 2 || matrix.length !== channels.length ** 2 || matrix.some((v) => !Number.isFinite(v)))
    throw new Error(`This is no spillover matrix: ${channels.length} names of channels, but ${matrix.length} numbers where ${channels.length ** 2} are needed. Give a line of names, then a line of numbers for each.`);
  return { channels, matrix };
}

/** Compensated channels, each computed when it is first asked for. */
export function compensatedLazily(columns: Float32Array[], inverse: number[]): (channel: number) => Float32Array {
  const made = new Map<number, Float32Array>();
  return (channel) => {
    const known = made.get(channel) ?? compensated(columns, inverse, channel);
    made.set(channel, known);
    return known;
  };
}

/** Places of the channels that spill most into others, or are spilled into, in the order of the matrix; all where they are few. */
export function mostSpilling(matrix: number[], n: number, most: number): number[] {
  const weight = (k: number) => {
    let top = 0;
    for (let j = 0; j < n; j++) if (j !== k) top = Math.max(top, Math.abs(matrix[k * n + j]), Math.abs(matrix[j * n + k]));
    return top;
  };
  const order = Array.from({ length: n }, (_, k) => ({ k, weight: weight(k) })).sort((a, b) => b.weight - a.weight || a.k - b.k);
  return order.slice(0, most).map(({ k }) => k).sort((a, b) => a - b);
}

const SPILL_KEYWORDS = ['$SPILLOVER', 'SPILL', '$SPILL', 'SPILLOVER'];

/** The matrix that a file brought in its keywords; null where it has none. */
export function spillOf(keywords: { name: string; value: string }[]): { channels: string[]; matrix: number[] } | null {
  for (const name of SPILL_KEYWORDS) {
    const cells = keywords.find((k) => k.name.toUpperCase() === name)?.value.split(',').map((cell) => cell.trim()) ?? [];
    const n = Number(cells[0]);
    const matrix = cells.slice(1 + n).map(Number);
    if (Number.isInteger(n) && n > 1 && matrix.length === n * n && matrix.every(Number.isFinite)) return { channels: cells.slice(1, 1 + n), matrix };
  }
  return null;
}

/** Numbers pasted from a spreadsheet, from a cell on; per cent. Cells that are no number stay as they were. */
export function pasteInto(n: number, at: number, text: string): Map<number, number> {
  const out = new Map<number, number>();
  const rows = text.replace(/\r/g, '').split('\n').filter((line) => line.trim()).map((line) => line.split(/\t|;|,(?=\s*-?\d)/));
  rows.forEach((cells, r) =>
    cells.forEach((cell, c) => {
      const [i, j] = [Math.floor(at / n) + r, (at % n) + c];
      const value = Number(cell.trim().replace('%', ''));
      if (i < n && j < n && cell.trim() && Number.isFinite(value)) out.set(i * n + j, value / 100);
    }),
  );
  return out;
}

/** Four digits that count, and no more than four decimals: what fits a cell. */
export const matrixNumber = (v: number) => String(Math.abs(v) < 1 ? Number(v.toFixed(4)) : Number(v.toPrecision(4)));
