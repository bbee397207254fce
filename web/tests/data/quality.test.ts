import { float64, int64, columnFromArray, tableFromColumns, tableToIPC } from '@uwdata/flechette';
import { describe, expect, it } from 'vitest';
import { decodeFrame } from '../../src/data/frames';
import { axisHistogram, countKept, countOutside, filterNumbers, fromAxis, limitText, powerTicks, toAxis, type CellMeasures } from '../../src/data/quality';
import { seeded } from './random';

const cells: CellMeasures = {
  n: 5,
  n_counts: Float64Array.of(0, 10, 100, 1000, 1000),
  n_genes: Float64Array.of(0, 8, 60, 400, 401),
  mito_share: Float64Array.of(NaN, 0.05, 0.1, 0.2, 0),
};

describe('cells that a submission keeps', () => {
  it('limits are inclusive, and an empty one limits nothing', () => {
    expect(countKept(cells, {})).toBe(5);
    expect(countKept(cells, { min_counts: '', max_genes: ' ' })).toBe(5);
    expect(countKept(cells, { min_counts: '10', max_counts: '1000' })).toBe(4);
    expect(countKept(cells, { max_genes: '400' })).toBe(4);
    expect(countKept(cells, { min_genes: '60', max_mito_share: '0.1' })).toBe(2);
  });
  it('a cell without counts has no share and passes its limit, as on the server', () => {
    expect(countKept(cells, { max_mito_share: '0' })).toBe(2);
  });
  it('says how many lie outside', () => {
    expect(countOutside(cells.n_counts, 10, 100)).toEqual([1, 2]);
    expect(countOutside(cells.n_counts, undefined, undefined)).toEqual([0, 0]);
  });
  it('takes numbers only', () => expect(filterNumbers({ a: '3', b: '', c: 'x', d: '1e3' })).toEqual({ a: 3, d: 1000 }));
});

describe('axis', () => {
  it('goes there and back', () => {
    for (const v of [0, 1, 99, 12345]) {
      expect(fromAxis(toAxis(v, 'log'), 'log')).toBeCloseTo(v, 6);
      expect(fromAxis(toAxis(v, 'linear'), 'linear')).toBe(v);
    }
    expect(limitText('n_genes', 199.6)).toBe('200');
    expect(limitText('mito_share', 0.12345)).toBe('0.123');
  });
  it('loses no cell', () => {
    const random = seeded(3);
    const values = Float64Array.from({ length: 1000 }, () => Math.floor(random() * 5000));
    for (const scale of ['linear', 'log'] as const) {
      const bins = axisHistogram(values, scale, 40);
      expect(bins.counts.reduce((a, b) => a + b, 0)).toBe(1000);
      expect(bins.low).toBe(0);
    }
  });
  it('has few round marks on a long axis', () => {
    expect(powerTicks(5000)).toEqual([0, 1, 10, 100, 1000]);
    expect(powerTicks(1e9, 4)).toEqual([0, 1, 1000, 1e6, 1e9]);
  });
});

describe('frames', () => {
  it('hold numbers and texts', () => {
    const bytes = tableToIPC(
      tableFromColumns([
        ['x', columnFromArray([1, null, 3], float64())],
        ['n', columnFromArray([1n, 2n, 3n], int64())],
        ['gene', columnFromArray(['A', 'B', null])],
      ]),
      { format: 'stream' },
    ) as Uint8Array;
    const frame = decodeFrame(bytes);
    expect(frame.names).toEqual(['x', 'n', 'gene']);
    expect([...frame.numbers('x')]).toEqual([1, NaN, 3]);
    expect([...frame.numbers('n')]).toEqual([1, 2, 3]);
    expect(frame.texts('gene')).toEqual(['A', 'B', '']);
    expect(frame.has('y')).toBe(false);
    expect(() => frame.numbers('y')).toThrow('‘y’');
  });
});
