/** Arrow streams as plain tables: numbers as typed arrays, texts one by one. */

import { tableFromIPC, type Column as ArrowColumn } from '@uwdata/flechette';

export interface Frame {
  names: string[];
  length: number;
  /** A numeric column; nulls are NaN. Throws where there is none of that name. */
  numbers: (name: string) => Float64Array;
  /** A float32 column as it came; nulls are NaN. */
  floats: (name: string) => Float32Array;
  /** A text column, all of it. */
  texts: (name: string) => string[];
  has: (name: string) => boolean;
  /** What the metadata of a column says under a name, JSON; null where it says nothing. */
  fact: (column: string, name: string) => unknown;
}

/** A frame from the bytes of an Arrow stream. */
export function decodeFrame(bytes: Uint8Array): Frame {
  const table = tableFromIPC(bytes);
  const column = (name: string): ArrowColumn<unknown> => {
    const found = table.getChild(name) as ArrowColumn<unknown> | null;
    if (!found) throw new TypeError(`The server sent no column ‘${name}’`);
    return found;
  };
  return {
    names: table.names.map(String),
    length: table.numRows,
    has: (name) => table.names.some((known) => String(known) === name),
    fact: (name, key) => {
      const field = (table.schema.fields as { name: string; metadata?: Map<string, string> | null }[]).find((f) => f.name === name);
      const text = field?.metadata?.get(key);
      return text === undefined ? null : (JSON.parse(text) as unknown);
    },
    numbers: (name) => {
      const values = column(name).toArray() as unknown;
      if (values instanceof Float64Array) return values;
      return Float64Array.from(values as ArrayLike<unknown>, (v) => (v == null ? NaN : Number(v)));
    },
    floats: (name) => {
      const values = column(name).toArray() as unknown;
      if (values instanceof Float32Array) return values;
      return Float32Array.from(values as ArrayLike<unknown>, (v) => (v == null ? NaN : Number(v)));
    },
    texts: (name) => {
      const from = column(name);
      return Array.from({ length: from.length }, (_, i) => String(from.at(i) ?? ''));
    },
  };
}
