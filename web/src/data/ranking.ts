/** Rows of a table in an order, and only some of them. */

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

/** Rows that are kept, best first by numbers; what is missing comes last either way, ties keep their order. */
export function orderByNumbers(rows: Int32Array, values: Float64Array, descending: boolean): Int32Array {
  const sign = descending ? -1 : 1;
  return rows.slice().sort((a, b) => {
    const [x, y] = [values[a], values[b]];
    if (Number.isNaN(x)) return Number.isNaN(y) ? a - b : 1;
    if (Number.isNaN(y)) return -1;
    return x === y ? a - b : sign * (x < y ? -1 : 1);
  });
}

export function orderByTexts(rows: Int32Array, values: string[], descending: boolean): Int32Array {
  const sign = descending ? -1 : 1;
  return rows.slice().sort((a, b) => sign * collator.compare(values[a], values[b]) || a - b);
}

/** The rows that pass, in their order. */
export function rowsThat(n: number, passes: (row: number) => boolean): Int32Array {
  const out = new Int32Array(n);
  let k = 0;
  for (let i = 0; i < n; i++) if (passes(i)) out[k++] = i;
  return out.slice(0, k);
}

/** Words of a search: each must be a part of the name or of the id, whatever the case; a list of names finds any of them. */
export function nameFilter(text: string): ((name: string, id: string) => boolean) | null {
  const words = text.trim().toLowerCase().split(/[\s,;]+/).filter(Boolean);
  if (words.length === 0) return null;
  if (words.length === 1) return (name, id) => name.toLowerCase().includes(words[0]) || id.toLowerCase().includes(words[0]);
  const wanted = new Set(words);
  return (name, id) => wanted.has(name.toLowerCase()) || wanted.has(id.toLowerCase());
}
