import { columnFromArray, float32, float64, int32, tableFromColumns, tableFromIPC, tableToIPC, utf8, type DataType } from '@uwdata/flechette';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeBarcodes, decodeColumns, decodeEmbedding, decodeValues, encodeAnnotation } from '../../src/data/arrow';

const ipc = (columns: [string, unknown[], DataType][]) =>
  tableToIPC(tableFromColumns(columns.map(([name, values, type]) => [name, columnFromArray(values, type)])), { format: 'stream' }) as Uint8Array;

/** Bytes that the server's own writer made: see fixtures/README.md. */
const fixture = (name: string) => new Uint8Array(readFileSync(new URL(`../fixtures/${name}`, import.meta.url)));

describe('reading what the server wrote', () => {
  it('annotations with their categories, colours and missing values', () => {
    const [type, age, note, empty] = decodeColumns(fixture('columns.arrow'));
    expect(type).toMatchObject({ kind: 'categorical', name: 'cell type', categories: ['B', 'T, naïve', '7'], colors: ['#ff0000', null, '#00ff00'], ordered: false });
    if (type.kind !== 'categorical') throw new Error('kind');
    expect([...type.codes]).toEqual([0, 1, -1, 2]);
    if (age.kind !== 'numeric') throw new Error('kind');
    expect([...age.values]).toEqual([1.5, NaN, -3, 1e300]);
    if (note.kind !== 'text') throw new Error('kind');
    expect([0, 1, 2, 3].map(note.at)).toEqual(['a', null, 'ü', '']);
    expect(empty).toMatchObject({ kind: 'categorical', categories: [], colors: null, ordered: true });
  });
  it('embeddings as one float array a dimension', () => {
    const { dims } = decodeEmbedding('X_umap', fixture('embedding.arrow'));
    expect(dims.map((d) => d.constructor)).toEqual([Float32Array, Float32Array]);
    expect([...dims[0]]).toEqual([0, 1, 2, 3]);
    expect([...dims[1]]).toEqual([0.5, 1.5, 2.5, 3.5]);
  });
  it('barcodes one by one', () => {
    const at = decodeBarcodes(fixture('barcodes.arrow'));
    expect([at(0), at(3)]).toEqual(['AAACCTG-1', 'TTTGTCA-1']);
  });
});

describe('values', () => {
  it('stay the typed array of the bytes', () => {
    const values = decodeValues(ipc([['CD3E', [0, 1.5, 2.25], float32()]]));
    expect(values).toBeInstanceOf(Float32Array);
    expect([...values]).toEqual([0, 1.5, 2.25]);
  });
  it('turn nulls and other widths into floats', () => {
    expect([...decodeValues(ipc([['x', [1, null, 3], float64()]]))]).toEqual([1, NaN, 3]);
    expect([...decodeValues(ipc([['x', [1, 2, 3], int32()]]))]).toEqual([1, 2, 3]);
  });
});

describe('writing an annotation', () => {
  it('comes back as it went', () => {
    const bytes = encodeAnnotation('Gate', [{ name: 'in', cells: Uint32Array.of(0, 3) }, { name: 'út', cells: [1] }], 5);
    const table = tableFromIPC(bytes);
    expect(table.names).toEqual(['Gate']);
    expect(Array.from(table.getChildAt(0) as Iterable<unknown>)).toEqual(['in', 'út', null, 'in', null]);
  });
  it('is small: a code per cell', () => {
    const cells = Uint32Array.from({ length: 50_000 }, (_, i) => i * 2);
    expect(encodeAnnotation('g', [{ name: 'a long name of a population', cells }], 100_000).length).toBeLessThan(450_000);
  });
  it('keeps text columns of other writers readable', () => {
    expect(decodeBarcodes(ipc([['barcode', ['a', 'b'], utf8()]]))(1)).toBe('b');
  });
});
