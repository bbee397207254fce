import { describe, expect, it } from 'vitest';
import type { CategoricalColumn, Column } from '../../src/data/columns';
import { MISSING, type Filter } from '../../src/data/filters';
import { maskOf, selectionLine, TOO_MANY_CELLS } from '../../src/data/python';
import { filterSelection, selectionText } from '../../src/data/selections';

const columns = new Map<string, Column>([
  ['type', { kind: 'categorical', name: 'type', codes: Int32Array.of(0, 1, 2, -1), categories: ['B', 'T', 'NK'], colors: null, ordered: false }],
  ['age', { kind: 'numeric', name: 'age', values: Float64Array.of(1, 2, 3, 4) }],
]);
const hide = (...hidden: string[]): Filter => ({ kind: 'categories', column: 'type', hidden });

describe('filters as a selection', () => {
  it('says the shorter of what is kept and what is hidden', () => {
    expect(filterSelection([hide('B')], columns)).toEqual({ not: { column: 'type', groups: ['B'] } });
    expect(filterSelection([hide('B', 'NK', MISSING)], columns)).toEqual({ column: 'type', groups: ['T'] });
    expect(filterSelection([hide('B', 'T', 'NK')], columns)).toEqual({ column: 'type', groups: [null] });
    expect(filterSelection([hide('B', 'T', 'NK', MISSING)], columns)).toEqual({ not: { column: 'type', groups: ['B', 'T', 'NK', null] } });
  });

  it('says nothing of missing values where there are none', () => {
    const whole = new Map<string, Column>([['type', { ...(columns.get('type') as CategoricalColumn), codes: Int32Array.of(0, 1, 2, 2) }]]);
    expect(filterSelection([hide('B', 'NK')], whole)).toEqual({ column: 'type', groups: ['T'] });
    expect(filterSelection([hide(MISSING)], whole)).toBeNull();
  });

  it('joins several, and leaves out what says nothing', () => {
    const range: Filter = { kind: 'range', column: 'age', low: 1.5, high: 3 };
    expect(filterSelection([hide('B'), range], columns)).toEqual({ and: [{ not: { column: 'type', groups: ['B'] } }, { column: 'age', range: [1.5, 3] }] });
    expect(filterSelection([range, { kind: 'range', column: 'gone', low: 0, high: 1 }], columns)).toEqual({ column: 'age', range: [1.5, 3] });
    expect(filterSelection([hide('renamed since')], columns)).toBeNull();
    expect(filterSelection([], columns)).toBeNull();
  });

  it('is told in words', () => {
    expect(selectionText({ and: [{ not: { column: 'type', groups: ['B', null] } }, { column: 'age', range: [null, 3] }] })).toBe('not B, no value and age … to 3');
  });
});

describe('a selection in Python', () => {
  it('is spelled as a dictionary', () => {
    expect(selectionLine({ and: [{ column: 'a "b"', groups: ['x', null] }, { column: 'age', range: [null, 3] }] })).toBe(
      'selection = {"and": [{"column": "a \\"b\\"", "groups": ["x", None]}, {"column": "age", "range": [None, 3]}]}',
    );
    expect(selectionLine({ cells: [1, 5] })).toBe('selection = {"cells": [1, 5]}');
    expect(selectionLine({ cells: Array.from({ length: 5000 }, (_, i) => i) })).toContain(TOO_MANY_CELLS);
  });

  it('is a mask over obs, with the annotations it reads', () => {
    const { mask, columns: names } = maskOf({ and: [{ not: { column: 'type', groups: ['B', null] } }, { column: 'age', range: [1, null] }] });
    expect(mask).toBe('(~(obs["type"].isin(["B"]) | obs["type"].isna())) & (obs["age"].between(1, float("inf")))');
    expect(names).toEqual(['type', 'age']);
  });
});
