/** Panels of files: grouped, compared, pasted. */

import { describe, expect, it } from 'vitest';
import { changedReagents, otherReagents, panelGroups, pastedPanel } from '../../src/data/gating/panels';

const panel = (...reagents: string[]) => ['FSC-A', 'FITC-A', 'PE-A'].map((channel, i) => ({ channel, reagent: reagents[i] ?? '' }));
const FILES = [
  { key: 'a', panel: panel('', 'CD4', 'CD8') },
  { key: 'b', panel: panel('', 'CD4') },
  { key: 'c', panel: panel('', 'CD4') },
  { key: 'cells', panel: [] },
];

describe('panels', () => {
  it('are grouped, the most frequent first, and tell where others differ', () => {
    expect(panelGroups(FILES).map((g) => g.files.map((f) => f.key))).toEqual([['b', 'c'], ['a']]);
    expect(otherReagents('PE-A', 'CD8', FILES)).toEqual([{ reagent: '', files: 2 }]);
    expect(otherReagents('FITC-A', 'CD4', FILES)).toEqual([]);
  });

  it('change only where a reagent is another, and an emptied one goes', () => {
    expect(changedReagents(new Map([['PE-A', ' CD8 '], ['FITC-A', 'CD4']]), FILES)).toEqual({ reagents: { 'PE-A': 'CD8' }, files: 2 });
    expect(changedReagents(new Map([['FITC-A', '']]), FILES.slice(0, 2))).toEqual({ reagents: { 'FITC-A': null }, files: 2 });
    expect(changedReagents(new Map([['APC-A', 'CD3']]), FILES)).toEqual({ reagents: {}, files: 0 });
  });

  it('come from a spreadsheet by channel, whatever stands above and before, else row by row', () => {
    expect([...pastedPanel('No\tChannel\tMarker\n1\tpe-a\tCD8b\n2\tFITC-A\tCD3\n', panel(), 0)!]).toEqual([['PE-A', 'CD8b'], ['FITC-A', 'CD3']]);
    expect([...pastedPanel('CD4\nCD8\nCD19\n', panel(), 1)!]).toEqual([['FITC-A', 'CD4'], ['PE-A', 'CD8']]);
    expect(pastedPanel('CD4', panel(), 0)).toBeNull();
  });
});
