/** From Arrow IPC bytes to typed columns, and back for annotations on their way to the server. */

import {
  columnFromArray,
  dictionary,
  tableFromColumns,
  tableFromIPC,
  tableToIPC,
  utf8,
  type Column as ArrowColumn,
} from '@uwdata/flechette';
import type { Column, Embedding } from './columns';

interface Field {
  name: string;
  metadata?: Map<string, string> | null;
}

const open = (bytes: Uint8Array) => tableFromIPC(bytes);

function floats<T extends Float32Array | Float64Array>(
  column: ArrowColumn<unknown>,
  make: new (values: ArrayLike<number> & Iterable<number>) => T,
): T {
  const values = column.toArray() as unknown;
  if (values instanceof make) return values;
  return make === (Float32Array as unknown)
    ? (Float32Array.from(values as number[], (v) => (v == null ? NaN : Number(v))) as T)
    : (Float64Array.from(values as number[], (v) => (v == null ? NaN : Number(v))) as T);
}

function ints(column: ArrowColumn<unknown>): Int32Array {
  const values = column.toArray() as unknown;
  if (values instanceof Int32Array) return values;
  return Int32Array.from(values as number[], (v) => (v == null ? -1 : Number(v)));
}

/** A fact about a column: JSON where it is JSON, else the text itself. */
function fact(field: Field, name: string): unknown {
  const text = field.metadata?.get(name);
  if (text === undefined) return null;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function list<T>(value: unknown): T[] | null {
  return Array.isArray(value) ? (value as T[]) : null;
}

function toColumn(field: Field, column: ArrowColumn<unknown>): Column {
  const name = field.name;
  const kind = fact(field, 'kind') ?? 'numeric';
  if (kind === 'categorical') {
    return {
      kind,
      name,
      codes: ints(column),
      categories: (list<unknown>(fact(field, 'categories')) ?? []).map(String),
      colors: list<string | null>(fact(field, 'colors')),
      ordered: fact(field, 'ordered') === true,
    };
  }
  if (kind === 'text') {
    return { kind, name, length: column.length, at: (i) => (column.at(i) as string | null) ?? null };
  }
  return { kind: 'numeric', name, values: floats(column, Float64Array) };
}

/** Annotations, as `columns.arrow` sends them. */
export function decodeColumns(bytes: Uint8Array): Column[] {
  const table = open(bytes);
  return (table.schema.fields as Field[]).map((field, i) => toColumn(field, table.getChildAt(i) as ArrowColumn<unknown>));
}

/** One embedding: a float32 array per dimension. */
export function decodeEmbedding(name: string, bytes: Uint8Array): Embedding {
  const table = open(bytes);
  const dims = table.names.map((_, i) => floats(table.getChildAt(i) as ArrowColumn<unknown>, Float32Array));
  return { name, dims };
}

/** The values of one feature of all cells. */
export function decodeValues(bytes: Uint8Array): Float32Array {
  return floats(open(bytes).getChildAt(0) as ArrowColumn<unknown>, Float32Array);
}

/** Ids of cells, decoded one by one when asked: no million strings. */
export function decodeBarcodes(bytes: Uint8Array): (i: number) => string {
  const table = open(bytes);
  const column = (table.getChild('barcode') ?? table.getChildAt(0)) as ArrowColumn<unknown>;
  return (i) => String(column.at(i) ?? '');
}

/** A new annotation as an Arrow stream: one dictionary-encoded text column in row order, null where no population. */
export function encodeAnnotation(
  name: string,
  categories: { name: string; cells: ArrayLike<number> }[],
  nCells: number,
): Uint8Array<ArrayBuffer> {
  const values = new Array<string | null>(nCells).fill(null);
  for (const category of categories) {
    for (let i = 0; i < category.cells.length; i++) values[category.cells[i]] = category.name;
  }
  const column = columnFromArray(values, dictionary(utf8()));
  const bytes = tableToIPC(tableFromColumns([[name, column]]), { format: 'stream' });
  if (!bytes) throw new TypeError('The Arrow writer returned nothing');
  return new Uint8Array(bytes);
}
