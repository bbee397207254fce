/** Populations, their gates and their axes. */

import { describe, expect, it } from 'vitest';
import { axisLabel, carrierOf, channelChoices, channelNames, differentPanels, firstAxes, joinedNames, matchByReagent, nextAxes, otherReferences, referenceIn, sideOf } from '../../src/data/gating/axes';
import { branchOf, fingerprint, gatedAxes, gatesFor, lineage, madeBy, namedBy, percentText, treeBelow, treeRows, uniqueNames, type GateLike, type PopulationLike } from '../../src/data/gating/tree';

const population = (id: string, parent: string | null, gid: string, name = id): PopulationLike => ({ id, version: 1, parent_id: parent, name, tree: { and: [{ gate: gid }] }, terminal_gid: gid, position: 0 });
const gate = (id: string, gid: string, more: Partial<GateLike> = {}): GateLike => ({ id, version: 1, gid, dataset_id: null, sectors: [], x: 'var:A', y: 'var:B', ...more });

const POPULATIONS = [population('c', 'b', 'g3', 'CD4'), population('a', null, 'g1', 'Cells'), population('b', 'a', 'g2', 'T'), population('d', 'a', 's1', 'CD4')];
const GATES = [gate('1', 'g1'), gate('2', 'g2', { x: 'var:C' }), gate('3', 'g3'), gate('4', 'q', { sectors: [{ gid: 's1', name: 'CD4' }, { gid: 's2', name: 'x' }] }), gate('5', 'g2', { dataset_id: 'f1', version: 7 })];

describe('populations', () => {
  it('stand below their parents', () => {
    expect(treeRows(POPULATIONS).map((r) => `${r.depth}${r.population.id}`)).toEqual(['0a', '1b', '2c', '1d']);
    expect(branchOf(POPULATIONS, 'b').map((p) => p.id)).toEqual(['b', 'c']);
    expect(lineage(POPULATIONS, POPULATIONS[0]).map((p) => p.id)).toEqual(['a', 'b', 'c']);
    expect(lineage(POPULATIONS, null)).toEqual([]);
    expect(treeRows([population('x', 'gone', 'g')]).map((r) => r.depth)).toEqual([0]);
    expect([...uniqueNames(POPULATIONS).values()]).toEqual(['Cells', 'T', 'T > CD4', 'Cells > CD4']);
  });

  it('depend on the gates that hold for the file', () => {
    const tree = { and: [{ gate: 'g1' }, { not: [{ gate: 'g2' }] }, { column: 'phase', groups: ['S'] }] };
    expect(namedBy(tree)).toEqual({ gids: ['g1', 'g2'], columns: ['phase'] });
    expect(gatesFor(GATES, 'f1').map((g) => g.id)).toEqual(['1', '3', '4', '5']);
    expect(gatesFor(GATES, 'f2').map((g) => g.id)).toEqual(['1', '2', '3', '4']);
    expect(fingerprint(POPULATIONS[2], gatesFor(GATES, 'f1'))).not.toBe(fingerprint(POPULATIONS[2], gatesFor(GATES, 'f2')));
    expect(fingerprint(POPULATIONS[1], gatesFor(GATES, 'f1'))).toBe(fingerprint(POPULATIONS[1], gatesFor(GATES, 'f2')));
  });

  it('are made by gates and sectors', () => {
    expect(madeBy(GATES[3], POPULATIONS, 'a').map((p) => p?.id ?? null)).toEqual(['d', null]);
    expect(gatedAxes('a', POPULATIONS, GATES)).toEqual([{ x: 'var:C', y: 'var:B' }, { x: 'var:A', y: 'var:B' }]);
    expect(treeBelow(POPULATIONS[1], 'g9')).toEqual({ and: [{ gate: 'g1' }, { gate: 'g9' }] });
    expect(treeBelow({ ...POPULATIONS[1], tree: { or: [{ gate: 'g1' }] } }, 'g9')).toEqual({ and: [{ or: [{ gate: 'g1' }] }, { gate: 'g9' }] });
  });

  it('percents are told honestly', () => {
    expect([percentText(1, 8), percentText(1, 1e6), percentText(99999, 100000), percentText(5, 5), percentText(3, 0), percentText(null, 4)]).toEqual(['12.5 %', '< 0.01 %', '> 99.9 %', '100.0 %', '–', '–']);
  });
});

describe('axes', () => {
  const panel = ['FSC-A', 'FSC-H', 'SSC-A', 'V450-A', 'B530-A'].map((channel, i) => ({ index: i + 1, channel, reagent: ['', '', '', 'CD3', 'CD4'][i] }));
  const bare = { columns: [], embeddings: [] };

  it('are called by reagent, with the channel beside it', () => {
    expect(channelChoices(panel)[0]).toEqual({ reference: 'var:V450-A', label: 'CD3', side: 'V450-A', group: 'Reagents' });
    expect(axisLabel('obsm:X_umap:1', [], () => 'UMAP').label).toBe('UMAP 2');
    expect(axisLabel('var:B530-A', panel, String)).toEqual({ label: 'CD4', side: 'B530-A' });
    // a name that is both reagent and channel is said once
    const mass = [{ index: 1, channel: 'CD3', reagent: 'CD3' }, { index: 2, channel: 'Time', reagent: ' time ' }, { index: 3, channel: '152Sm', reagent: 'CD8 ' }];
    expect(channelChoices(mass).map((c) => [c.label, c.side])).toEqual([['CD8', '152Sm'], ['CD3', ''], ['Time', '']]);
    expect(joinedNames(channelNames(mass[2]))).toBe('CD8 · 152Sm');
    expect(joinedNames(axisLabel('var:CD3', mass, String))).toBe('CD3');
    // and is no reagent: further plots show those
    const named = ['FSC-A', 'SSC-A', 'PE-A', 'APC-A'].map((channel, i) => ({ index: i + 1, channel, reagent: ['FSC-A', 'SSC-A', 'CD33', 'CD4'][i] }));
    expect(nextAxes(named, bare, [])).toEqual({ x: 'var:PE-A', y: 'var:APC-A' });
    expect(channelChoices(named).map((c) => c.group)).toEqual(['Reagents', 'Reagents', 'Channels', 'Channels']);
  });

  it('begin with scatter, go on with reagents, and with the embedding where there is no panel', () => {
    expect(firstAxes(panel, bare)).toEqual({ x: 'var:FSC-A', y: 'var:SSC-A' });
    expect(nextAxes(panel, bare, [{ x: 'var:FSC-A', y: 'var:SSC-A' }])).toEqual({ x: 'var:V450-A', y: 'var:B530-A' });
    expect(firstAxes([], { columns: [], embeddings: [{ name: 'X_pca', n_dims: 50 }, { name: 'X_umap', n_dims: 2 }] })).toEqual({ x: 'obsm:X_umap:0', y: 'obsm:X_umap:1' });
  });

  const panelOf = (...named: [string, string][]) => named.map(([channel, reagent], i) => ({ index: i + 1, channel, reagent }));

  it('go to another panel by reagent', () => {
    const other = panelOf(['R660-A', 'cd4'], ['FSC-A', '']);
    const axes = ['var:B530-A', 'var:FSC-A', 'var:V450-A', 'obs:day', 'reagent:CD4'].map((reference) => matchByReagent(reference, panel, other).axis);
    expect(axes).toEqual(['var:R660-A', 'var:FSC-A', null, 'obs:day', 'var:R660-A']);
    // another reagent on the same channel is not it; no reagent may be, and a repeated name is none
    expect(matchByReagent('var:B530-A', panel, panelOf(['B530-A', 'CD8']))).toEqual({ axis: null, among: [] });
    expect(matchByReagent('var:B530-A', panel, panelOf(['B530-A', ''])).axis).toBe('var:B530-A');
    expect(matchByReagent('var:B530-A', panel, panelOf(['B530-A', 'b530-a'])).axis).toBe('var:B530-A');
    // height and area have one reagent
    expect(matchByReagent('var:B530-A', panel, panelOf(['R660-H', 'CD4'], ['R660-A', 'CD4'])).axis).toBe('var:R660-A');
  });

  it('do not choose among detectors that have the same reagent', () => {
    const two = panelOf(['R660-A', 'CD4'], ['V450-A', 'CD4']);
    expect(matchByReagent('var:B530-A', panel, two)).toEqual({ axis: null, among: ['R660-A', 'V450-A'] });
    expect(matchByReagent('var:B530-A', panel, panelOf(['R660-A', 'CD4'], ['B530-A', 'CD4'])).axis).toBe('var:B530-A');
    expect(carrierOf('cd4 ', two)).toEqual({ axis: null, among: ['R660-A', 'V450-A'] });
    expect(carrierOf('CD4', panelOf(['R660-W', 'CD4'], ['R660-H', 'CD4'])).axis).toBe('var:R660-H');
    expect(carrierOf('', panelOf(['R660-A', '']))).toEqual({ axis: null, among: [] });
  });

  it('are looked for once in files of one panel', () => {
    const [one, same, turned, fewer] = [panelOf(['A', 'CD4'], ['B', '']), panelOf(['A', 'CD4'], ['B', '']), panelOf(['B', ''], ['A', 'CD4']), panelOf(['A', 'CD4'])];
    const found = differentPanels([one, same, turned, fewer, one]);
    expect(found).toEqual([one, turned, fewer]);
    expect(found[0]).toBe(one);
  });

  it('of genes go by their names, which are in no panel', () => {
    expect(matchByReagent('var:CD3E', [], [])).toEqual({ axis: 'var:CD3E', among: [] });
    expect(matchByReagent('var:B530-A', panelOf(['B530-A', 'CD4']), []).axis).toBeNull();
    expect(matchByReagent('var:CD3E', [], panelOf(['B530-A', 'CD4'])).axis).toBeNull();
  });

  it('of scatter and time are the same whatever files write beside them', () => {
    const [one, two] = [panelOf(['FSC-H', 'FSC-Height'], ['Time', 's'], ['FL1-H', 'CD4']), panelOf(['FSC-H', 'Forward Scatter'], ['Time', ''], ['FL1-H', 'CD8'])];
    expect(['FSC-H', 'Time', 'FL1-H'].map((channel) => matchByReagent(`var:${channel}`, one, two).axis)).toEqual(['var:FSC-H', 'var:Time', null]);
    expect(['FSC-H', 'FL1-H'].map((channel) => referenceIn(one, channel, [one, two]))).toEqual(['var:FSC-H', 'reagent:CD4']);
    expect(carrierOf('Forward Scatter', two).axis).toBe('var:FSC-H');
    expect(joinedNames(axisLabel('var:FSC-H', one, String))).toBe('FSC-Height · FSC-H');
    // and further plots show what could be stained, with a reagent first
    const calibur = panelOf(['FSC-H', 'FSC-Height'], ['SSC-H', ''], ['FL1-H', ''], ['FL2-H', 'CD4'], ['FL3-H', '']);
    expect(nextAxes(calibur, bare, [])).toEqual({ x: 'var:FL2-H', y: 'var:FL1-H' });
  });

  it('are asked of many files by reagent, and by name where only that means the same', () => {
    const [one, turned, bare] = [panelOf(['B530-A', 'CD4'], ['R660-A', 'CD8'], ['FSC-A', '']), panelOf(['B530-A', 'CD8'], ['R660-A', 'CD4']), panelOf(['B530-A', ''], ['FSC-A', ''])];
    expect(referenceIn(one, 'B530-A', [one, turned])).toBe('reagent:CD4');
    expect(referenceIn(one, 'FSC-A', [one, turned])).toBe('var:FSC-A');
    // nobody said what the other file measures there
    expect(referenceIn(one, 'B530-A', [one, bare])).toBe('var:B530-A');
    // by name the turned file would give CD8
    expect(referenceIn(one, 'B530-A', [one, turned, bare])).toBe('reagent:CD4');
    const double = panelOf(['B530-A', 'CD4'], ['R660-A', 'CD4']);
    expect(['B530-A', 'R660-A'].map((channel) => referenceIn(double, channel, [double]))).toEqual(['var:B530-A', 'var:R660-A']);
    expect([...new Set(otherReferences([one, double]))]).toEqual(['var:B530-A', 'reagent:CD8', 'var:FSC-A', 'var:R660-A']);
    expect([sideOf('reagent:CD4', [one, turned]), sideOf('var:FSC-A', [one]), sideOf('var:R660-A', [double]), sideOf('obs:day', [one])]).toEqual(['B530-A, R660-A', '', 'R660-A', '']);
  });
});
