import { describe, expect, it } from 'vitest';
import { namesOf } from '../../src/features/explorer/shared';
import { nameList } from '../../src/api/datasets';
import { readState, writeState } from '../../src/state/viewState';

const INITIAL = { of: '', as: 'share', size: 3, genes: [] as string[], split: null as string | null };

describe('the state of a view in the address', () => {
  it('holds what differs from the start, and comes back', () => {
    const state = { ...INITIAL, of: 'louvain', genes: ['CD3E'], split: 'phase' };
    expect(writeState(INITIAL, INITIAL)).toBeNull();
    expect(writeState(state, INITIAL)).toBe('{"of":"louvain","genes":["CD3E"],"split":"phase"}');
    expect(readState(writeState(state, INITIAL), INITIAL)).toEqual(state);
  });
  it('overlooks what is of another kind or unknown', () => {
    expect(readState('{"of":5,"size":"big","genes":[1],"split":7,"other":1}', INITIAL)).toEqual(INITIAL);
    expect(readState('not json', INITIAL)).toEqual(INITIAL);
    expect(readState('[1]', INITIAL)).toEqual(INITIAL);
  });
  it('keeps names with commas apart', () => {
    const names = ['CD3E', 'a,b', 'c\\d'];
    expect(namesOf(nameList(names))).toEqual(names);
    expect(namesOf(null)).toEqual([]);
  });
});
