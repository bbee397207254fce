import { describe, expect, it } from 'vitest';
import { beginsWithEvents, groupFiles, isNamedAsEvents, missingFiles, stem } from '../../src/data/batches';
import { parseCell, parseTabs } from '../../src/data/cellsheet';
import { histogram, quantiles } from '../../src/data/columns';
import { ago, bytes, embeddingTitle, freshName, number, seconds, typedValue } from '../../src/data/words';

describe('words', () => {
  it('are numbers where nothing is lost by it', () => {
    expect([' 7 ', '-0.5', '0'].map(typedValue)).toEqual([7, -0.5, 0]);
    expect(['007', '1e5', 'A01', '', '12345678901234567', '0x10', 'Infinity'].map(typedValue)).toEqual(['007', '1e5', 'A01', '', '12345678901234567', '0x10', 'Infinity']);
  });

  it('write sizes, times and numbers', () => {
    expect([bytes(999), bytes(1500), bytes(432_800_000), bytes(null)]).toEqual(['999 B', '1.5 kB', '433 MB', '–']);
    expect([seconds(9.4), seconds(75), seconds(7260)]).toEqual(['9 s', '1 min 15 s', '2 h 1 min']);
    expect([number(0), number(3.14159), number(1234.5), number(2e9), number(NaN)]).toEqual(['0', '3.142', '1,235', '2.00e+9', '–']);
    const now = Date.parse('2026-01-02T12:00:00Z');
    expect(ago('2026-01-02T11:55:00Z', now)).toBe('5 min ago');
    expect(ago('2026-01-01T10:00:00Z', now)).toBe('yesterday');
  });
  it('name embeddings and new things', () => {
    expect([embeddingTitle('X_umap'), embeddingTitle('X_tsne'), embeddingTitle('mine')]).toEqual(['UMAP', 't-SNE', 'mine']);
    expect(freshName('Sample', ['Sample 1', 'Sample 3'])).toBe('Sample 2');
  });
});

describe('files that belong together', () => {
  const named = (...names: string[]) => names.map((name) => ({ name }));
  it('are grouped by what stands before matrix, features and barcodes', () => {
    const groups = groupFiles(named('GSM1_matrix.mtx.gz', 'GSM1_barcodes.tsv.gz', 'GSM1_features.tsv.gz', 'b/genes.tsv', 'b/matrix.mtx', 'b/barcodes.tsv'));
    expect(groups.map((g) => [g.name, Object.keys(g.files).sort()])).toEqual([
      ['GSM1', ['barcodes', 'features', 'matrix']],
      ['b', ['barcodes', 'features', 'matrix']],
    ]);
    expect(groups.map(missingFiles)).toEqual(['', '']);
  });
  it('are told when one is missing', () => {
    expect(missingFiles(groupFiles(named('matrix.mtx', 'barcodes.tsv'))[0])).toContain('features.tsv');
  });
  it('stand alone otherwise, with names that differ', () => {
    const groups = groupFiles(named('x/a.h5ad', 'y/a.h5ad', 'features.tsv'));
    expect(groups.map((g) => g.name)).toEqual(['a', 'a 2', 'features']);
    expect(groups.map((g) => Object.keys(g.files))).toEqual([['matrix'], ['matrix'], ['matrix']]);
    expect(stem('run/pbmc8k.tsv.gz')).toBe('pbmc8k');
  });
});

describe('files of events', () => {
  it('are told by their names', () => {
    expect(['a.fcs', 'B.LMD', 'a.fcs.gz', 'fcs.csv', '060909.001'].map(isNamedAsEvents)).toEqual([true, true, false, false, false]);
  });
  it('are told by how they begin, whatever they are called', async () => {
    const begins = (text: string) => beginsWithEvents(new Blob([text]));
    expect(await Promise.all(['FCS2.0    256', 'FCS3.1', 'FCS-A,CD4', 'cell\tFCS3.1', ''].map(begins))).toEqual([true, true, false, false, false]);
  });
});

describe('cells of a spreadsheet', () => {
  it('are read with quotes, empty cells and Windows line ends', () => {
    expect(parseTabs('a\tb\r\n"x\ty"\t"say ""hi"""\r\n\t\r\n')).toEqual([['a', 'b'], ['x\ty', 'say "hi"']]);
    expect(parseTabs('')).toEqual([]);
  });
  it('get their type or a sentence', () => {
    expect(parseCell(' 1 200.5', 'number')).toBe(1200.5);
    expect(parseCell('', 'number')).toBeNull();
    expect(parseCell('three', 'number')).toBeInstanceOf(Error);
    expect([parseCell('Yes', 'boolean'), parseCell('0', 'boolean')]).toEqual([true, false]);
    expect(parseCell('perhaps', 'boolean')).toBeInstanceOf(Error);
  });
});

describe('statistics', () => {
  it('leave out NaN', () => {
    expect(quantiles([3, NaN, 1, 2], [0, 0.5, 1])).toEqual([1, 2, 3]);
    expect(quantiles([NaN], [0.5])[0]).toBeNaN();
    const h = histogram([0, 1, NaN, 10], 2);
    expect([h.low, h.high, ...h.counts]).toEqual([0, 10, 2, 1]);
  });
});
