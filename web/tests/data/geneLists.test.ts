import { describe, expect, it } from 'vitest';
import { geneIndex, parseGeneList, resolveGenes } from '../../src/data/geneLists';
import { bestOf, markerGroups } from '../../src/data/markers';
import type { Frame } from '../../src/data/frames';

describe('pasted lists', () => {
  it('are parted at whatever people use, each name once', () => {
    expect(parseGeneList(' CD3D, CD3E;\n"LYZ"\tCD3D\r\n\n')).toEqual(['CD3D', 'CD3E', 'LYZ']);
    expect(parseGeneList('')).toEqual([]);
  });
  const index = geneIndex(['CD3E', 'MT-ND1', 'cd3e-like', 'CD19'], ['ENSG1.4', 'ENSG2', '', 'ENSG4']);
  it('are found by symbol and id, with another case or a version too', () => {
    expect(['CD3E', 'cd3E', 'ENSG1', 'ensg1.9', 'ENSG2', 'mt-nd1', 'nothing', ''].map(index.find)).toEqual(['CD3E', 'CD3E', 'CD3E', 'CD3E', 'MT-ND1', 'MT-ND1', null, null]);
    expect(index.n).toBe(4);
  });
  it('say what is missing, and take aliases', () => {
    expect(resolveGenes(['CD3E', 'ENSG1', 'B4', 'X'], index, new Map([['B4', 'CD19']]))).toEqual({ found: ['CD3E', 'CD19'], missing: ['X'] });
  });
});

describe('markers', () => {
  const texts: Record<string, string[]> = { group: ['B', 'B', 'T'], feature: ['MS4A1', 'CD79A', 'CD79A'], feature_id: ['1', '2', '2'] };
  const frame: Frame = { names: [], length: 3, has: () => true, fact: () => null, floats: () => new Float32Array(3), texts: (name) => texts[name], numbers: (name) => Float64Array.of(3, 2, name === 'z' ? 9 : 1) };
  it('are parted by group, and the best of all come once', () => {
    const groups = markerGroups(frame);
    expect(groups.map((g) => [g.name, g.markers.map((m) => m.z)])).toEqual([['B', [3, 2]], ['T', [9]]]);
    expect(bestOf(groups, 2)).toEqual(['MS4A1', 'CD79A']);
    expect(bestOf(groups, 1)).toEqual(['MS4A1', 'CD79A']);
  });
});
