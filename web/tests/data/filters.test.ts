import { describe, expect, it } from 'vitest';
import type { CategoricalColumn, Column, NumericColumn } from '../../src/data/columns';
import { intersect, MISSING, passAll, withFilter, type Filter } from '../../src/data/filters';
import { countCategories, isolate, legendEntries, sortEntries, toggleHidden } from '../../src/data/legend';
import { BRIGHT, DIM, flagCells, HIDDEN, shadeCategories, shadeNumbers } from '../../src/data/shade';
import { seeded } from './random';

const random = seeded(7);
const n = 2000;
const type: CategoricalColumn = {
  kind: 'categorical',
  name: 'type',
  codes: Int32Array.from({ length: n }, () => Math.floor(random() * 5) - 1),
  categories: ['B', 'T', 'NK', 'T10'],
  colors: null,
  ordered: false,
};
const age: NumericColumn = {
  kind: 'numeric',
  name: 'age',
  values: Float64Array.from({ length: n }, (_, i) => (i % 50 === 0 ? NaN : random() * 100)),
};
const columns = new Map<string, Column>([['type', type], ['age', age]]);
const filters: Filter[] = [
  { kind: 'categories', column: 'type', hidden: ['T', MISSING] },
  { kind: 'range', column: 'age', low: 20, high: 60 },
];
const typeOk = (i: number) => type.codes[i] !== 1 && type.codes[i] !== -1;
const ageOk = (i: number) => age.values[i] >= 20 && age.values[i] <= 60;
const all = Array.from({ length: n }, (_, i) => i);

describe('filters', () => {
  it('pass what passes every one of them', () => {
    const passed = passAll(filters, columns);
    expect([...intersect(n, passed).toIndices()]).toEqual(all.filter((i) => typeOk(i) && ageOk(i)));
  });
  it('leave out one column on demand, and pass all where there is none', () => {
    const passed = passAll(filters, columns);
    expect([...intersect(n, passed, 'type').toIndices()]).toEqual(all.filter(ageOk));
    expect(intersect(n, [], undefined).count()).toBe(n);
  });
  it('wait for columns that are not there yet', () => {
    expect(passAll(filters, new Map([['age', age as Column]]))).toHaveLength(1);
  });
  it('keep one filter a column', () => {
    const more = withFilter(filters, 'age', { kind: 'range', column: 'age', low: 0, high: 1 });
    expect(more).toHaveLength(2);
    expect(withFilter(more, 'age', null)).toEqual([filters[0]]);
  });
});

describe('legend', () => {
  it('counts as a slow loop counts', () => {
    const shown = intersect(n, passAll(filters, columns), 'type');
    const counts = countCategories(type, shown);
    const slow = [-1, 0, 1, 2, 3].map((code) => all.filter((i) => ageOk(i) && type.codes[i] === code).length);
    expect([...counts]).toEqual(slow);
    expect(countCategories(type, null).reduce((a, b) => a + b)).toBe(n);
  });
  it('sorts by size or name, what has no value last', () => {
    const entries = legendEntries(type, Uint32Array.of(9, 1, 5, 3, 5), ['#1', '#2', '#3', '#4'], '#0');
    expect(sortEntries(entries, 'size').map((e) => e.name)).toEqual(['T', 'T10', 'NK', 'B', MISSING]);
    expect(sortEntries(entries, 'name').map((e) => e.label)).toEqual(['B', 'NK', 'T', 'T10', 'No value']);
    expect(sortEntries(entries, 'given').map((e) => e.code)).toEqual([0, 1, 2, 3, -1]);
  });
  it('hides on a click and isolates on a shift-click, and back', () => {
    expect(toggleHidden(['a'], 'b')).toEqual(['a', 'b']);
    expect(toggleHidden(['a', 'b'], 'a')).toEqual(['b']);
    expect(isolate([], 'a', ['a', 'b', 'c'])).toEqual(['b', 'c']);
    expect(isolate(['b', 'c'], 'a', ['a', 'b', 'c'])).toEqual([]);
    expect(isolate(['a', 'c'], 'a', ['a', 'b', 'c'])).toEqual(['b', 'c']);
  });
});

describe('shades and flags', () => {
  it('run from 1 to 255, clipped, with 0 for no value', () => {
    expect([...shadeNumbers([-1, 0, 5, 10, 99, NaN], 0, 10)]).toEqual([1, 1, 128, 255, 255, 0]);
  });
  it('follow the codes of categories', () => {
    const column = { ...type, codes: Int32Array.of(-1, 0, 3, 400) };
    expect([...shadeCategories(column)]).toEqual([0, 1, 4, 255]);
  });
  it('hide, dim and brighten', () => {
    const shown = { words: Uint32Array.of(0b0111) };
    const selected = { words: Uint32Array.of(0b1001) };
    expect([...flagCells(4, shown, selected)]).toEqual([BRIGHT, DIM, DIM, HIDDEN]);
    expect([...flagCells(2, null, null)]).toEqual([BRIGHT, BRIGHT]);
  });
});
