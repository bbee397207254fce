/** Files in the order and groups of what is said about them and about their samples. */

import { describe, expect, it } from 'vitest';
import type { Dataset, Sample } from '../../src/api/types';
import { axesIn, groupFiles, groupings, lackingWords, missingChannel, namesOf, sortFiles, spokenValue } from '../../src/features/gating/ordering';
import { filesOf } from '../../src/features/gating/useGating';

const dataset = (id: string, sample_id: string | null) =>
  ({ id, name: `${id}.fcs`, sample_id, tables: [{ name: 'events', n_cells: 10 }], panel: [{ index: 1, channel: 'FSC-A', reagent: null }], panel_name: 'Panel 1' }) as unknown as Dataset;
const samples = [{ id: 's', name: 'donor 1', values: { donor: 'one', dose: 3 } }] as unknown as Sample[];
const annotated = [{ id: 'b', annotations: [{ name: 'day', value: 10 }] }, { id: 'c', annotations: [{ name: 'day', value: 9 }, { name: 'dose', value: 5 }] }, { id: 'a', annotations: [{ name: 'day', value: '' }] }];
const files = filesOf([dataset('a', null), dataset('b', 's'), dataset('c', 's')], samples, annotated);

describe('order of files', () => {
  it('what is said about a file stands over what is said about its sample', () => {
    expect(files.map((f) => f.annotations)).toEqual([{}, { donor: 'one', dose: 3, day: 10 }, { donor: 'one', dose: 5, day: 9 }]);
  });

  it('numbers are sorted as numbers', () => {
    expect(sortFiles(files.slice(1), '@day').map((f) => f.name)).toEqual(['c.fcs', 'b.fcs']);
  });

  it('groups are named by attribute and value; files without one are kept', () => {
    expect(groupFiles(files, '@day').map((g) => [g.name, g.files.length])).toEqual([['day 9', 1], ['day 10', 1], ['No value', 1]]);
    expect(groupFiles(files, 'sample').map((g) => g.name)).toEqual(['donor 1', 'No sample']);
    expect(spokenValue(files[1], '@day')).toBe('day 10');
    expect(spokenValue(files[1], '@donor')).toBe('one');
  });

  it('what can be grouped by', () => {
    expect(groupings(files, ['day']).map((g) => g.id)).toEqual(['sample', 'panel', 'control', '@day']);
    expect(groupings(files.slice(0, 1).map((f) => ({ ...f, panel: [] })), [])).toEqual([]);
  });

  it('a file of another panel lacks a channel; genes are not looked up in a panel', () => {
    expect(missingChannel(files[0], ['var:FSC-A', 'var:Y89Di'])).toBe('Y89Di');
    expect(missingChannel(files[0], ['var:FSC-A', 'obs:cluster'])).toBe('');
    expect(missingChannel({ ...files[0], panel: [] }, ['var:CD3E'])).toBe('');
    const panel = (...named: string[]) => named.map((reagent, i) => ({ index: i + 1, channel: ['FSC-A', 'B530-A', 'R660-A'][i], reagent }));
    const [home, turned, without] = [panel('', 'CD4', 'CD8'), panel('', 'CD8', 'CD4'), panel('', 'CD19', '')].map((p, i) => ({ ...files[i], panel: p }));
    const asked = ['var:B530-A', 'var:FSC-A'];
    expect(axesIn(home, asked, home)).toEqual({ axes: asked, lacks: '', among: [] });
    expect(axesIn(turned, asked, home)).toEqual({ axes: ['var:R660-A', 'var:FSC-A'], lacks: '', among: [] });
    expect(axesIn(without, asked, home).lacks).toBe('var:B530-A');
    const double = { ...files[2], panel: panel('', 'CD8', '').concat({ index: 4, channel: 'V450-A', reagent: 'CD4' }, { index: 5, channel: 'R660-A', reagent: 'CD4' }) };
    expect(axesIn(double, asked, home)).toEqual({ axes: asked, lacks: 'var:B530-A', among: ['V450-A', 'R660-A'] });
    expect(lackingWords('CD4', [{ file: without, among: [] }, { file: double, among: ['V450-A', 'R660-A'] }]).map(({ text }) => text)).toEqual(['1 file has no CD4: c.fcs', 'CD4 is on several channels (V450-A, R660-A) of 1 file: c.fcs']);
    // genes have no panel: the server knows what they lack
    expect(axesIn({ ...files[0], panel: [] }, ['var:CD3E'], null).lacks).toBe('');
    expect([1, 2, 3].map((n) => namesOf(files.slice(0, n)))).toEqual(['a.fcs', 'a.fcs and b.fcs', 'a.fcs, b.fcs and c.fcs']);
    expect(namesOf([...files, ...files, ...files])).toBe('a.fcs, b.fcs, c.fcs, a.fcs and 5 others');
  });
});
