import { describe, expect, it } from 'vitest';
import type { Parameter } from '../../src/api/types';
import { boundsText, fieldFault, fieldKind, initialValues, toParameters } from '../../src/data/forms';
import { nameFilter, orderByNumbers, orderByTexts, rowsThat } from '../../src/data/ranking';
import { emptySide, selectionText, toSelection } from '../../src/data/selections';
import { callOf, farthest, volcanoPoints } from '../../src/data/volcano';

describe('sides of a comparison', () => {
  it('become selections once they are whole', () => {
    expect(toSelection(emptySide('groups', 'type'))).toBeNull();
    expect(toSelection({ ...emptySide('groups', 'type'), levels: ['B'] })).toEqual({ column: 'type', groups: ['B'] });
    expect([toSelection(emptySide('population')), toSelection(emptySide('population', 'p1'))]).toEqual([null, { population: 'p1' }]);
    expect(toSelection({ ...emptySide('samples', 'sex'), levels: ['f'] })).toEqual({ attribute: 'sex', values: ['f'] });
    expect(toSelection(emptySide('cells'))).toBeNull();
    expect(toSelection({ ...emptySide('cells'), cells: [3, 5] })).toEqual({ cells: [3, 5] });
    expect(toSelection(emptySide('rest'))).toEqual({ rest: true });
  });
  it('are told in words', () => {
    expect(selectionText({ column: 'type', groups: ['B', 'T', null, 'NK', 'x'] })).toBe('B, T, no value and 2 more');
    expect(selectionText({ attribute: 'sex', values: ['f'] })).toBe('sex: f');
    expect(selectionText({ and: [{ column: 'a', groups: ['1'] }, { not: { cells: [1] } }] })).toBe('1 and not 1 selected cells');
    expect(selectionText({ rest: true })).toBe('all other cells');
    expect(selectionText(null)).toBe('cells');
  });
});

describe('rows', () => {
  const values = Float64Array.of(3, NaN, 1, 3, -2);
  const all = rowsThat(5, () => true);
  it('are ordered with missing ones last and ties as they were', () => {
    expect([...orderByNumbers(all, values, false)]).toEqual([4, 2, 0, 3, 1]);
    expect([...orderByNumbers(all, values, true)]).toEqual([0, 3, 2, 4, 1]);
    expect([...orderByTexts(all, ['b10', 'B2', 'a', 'c', ''], false)]).toEqual([4, 2, 1, 0, 3]);
  });
  it('are found by a part of a name, or by a list of names', () => {
    expect(nameFilter('  ')).toBeNull();
    expect(nameFilter('cd3')?.('CD3E', 'ENSG1')).toBe(true);
    expect(nameFilter('ensg1')?.('CD3E', 'ENSG1')).toBe(true);
    const list = nameFilter('CD3E, cd4');
    expect([list?.('CD3E', ''), list?.('CD4', ''), list?.('CD44', '')]).toEqual([true, true, false]);
  });
});

describe('volcano', () => {
  const change = Float64Array.of(2, -3, 0.1, 1, NaN);
  const p = Float64Array.of(1e-10, 0, 0.5, 0.04, 0.01);
  it('puts what is too small to be told at the top', () => {
    const points = volcanoPoints(change, p);
    expect(points.capped[1]).toBe(1);
    expect(points.height[1]).toBeGreaterThan(300);
    expect(points.height[0]).toBeCloseTo(10);
    expect(points.reach).toBe(3);
    expect(farthest(points, 2)).toEqual([1, 0]);
    expect(farthest(points, 10)).not.toContain(4);
  });
  it('calls genes by both limits', () => {
    const cuts = { p: 0.05, change: 1 };
    expect([0, 1, 2, 3].map((i) => callOf(change[i], p[i], cuts))).toEqual(['first', 'second', 'neither', 'first']);
    expect(callOf(5, NaN, cuts)).toBe('neither');
  });
});

const parameter = (part: Partial<Parameter> & { name: string; type: string }): Parameter => ({ title: part.name, default: null, help: '', ...part });

describe('forms of the registry', () => {
  const list = [
    parameter({ name: 'resolutions', type: 'numbers', default: [1], minimum: 0, maximum: 100 }),
    parameter({ name: 'seed', type: 'integer', default: 0, minimum: 0 }),
    parameter({ name: 'limit', type: 'number', default: null }),
    parameter({ name: 'column', type: 'string', default: '', names: 'column', required: true }),
    parameter({ name: 'method', type: 'string', default: 'a', choices: ['a', 'b'] }),
    parameter({ name: 'fast', type: 'boolean', default: true }),
    parameter({ name: 'batches', type: 'strings', default: [], names: 'column' }),
    parameter({ name: 'first', type: 'selection', default: {} }),
  ];
  it('know their fields and defaults', () => {
    expect(list.map(fieldKind)).toEqual(['numbers', 'number', 'number', 'name', 'choice', 'switch', 'names', 'none']);
    expect(initialValues(list)).toEqual({ resolutions: '1', seed: '0', limit: '', column: '', method: 'a', fast: true, batches: [] });
  });
  it('send only what differs, as numbers', () => {
    const start = initialValues(list);
    expect(toParameters(list, { ...start, column: 'type' })).toEqual({ column: 'type' });
    expect(toParameters(list, { ...start, column: 'type', resolutions: '0.5, 2', seed: '7', fast: false, batches: ['x'] })).toEqual({ column: 'type', resolutions: [0.5, 2], seed: 7, fast: false, batches: ['x'] });
  });
  it('say what is wrong with a field', () => {
    expect(fieldFault(list[3], '')).toBe('is needed');
    expect(fieldFault(list[1], '1.5')).toBe('a whole number is needed');
    expect(fieldFault(list[1], '-1')).toBe('has to be at least 0');
    expect(fieldFault(list[0], '1, 200')).toBe('has to be 0 to 100');
    expect(fieldFault(list[0], '1 x')).toBe('‘x’ is no number');
    expect(fieldFault(list[0], ' ')).toBe('at least one number is needed');
    expect(fieldFault(list[2], '')).toBe('');
    // none is what it takes where nothing is said
    expect(fieldFault(parameter({ name: 'baseline', type: 'numbers', default: [] }), '')).toBe('');
    expect(boundsText(list[2])).toBe('');
  });
});
