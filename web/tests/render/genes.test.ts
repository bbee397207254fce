import { describe, expect, it } from 'vitest';
import { scaled, topMarkers, type GroupRow } from '../../src/data/summary';
import { mapHex } from '../../src/data/colors';
import { drawGrid } from '../../src/render/figure/grid';
import { ON_PAPER, type Mark, type Scene } from '../../src/render/figure/scene';
import { drawViolins } from '../../src/render/figure/violins';

const row = (feature: string, group: string, mean: number, share: number, split = ''): GroupRow => ({
  feature, group, split, n: 10, mean, share, quantiles: [0, mean / 2, mean, mean * 1.5, mean * 2],
});
const ROWS = [row('A', 'x', 1, 0.25), row('A', 'y', 3, 1), row('B', 'x', 0, 0), row('B', 'y', 0, 0)];
const told = (scene: Scene, kind: Mark['kind']) => scene.marks.flatMap((m) => (m.kind === kind && m.data ? [m] : []));

describe('means', () => {
  it('are scaled gene by gene', () => {
    expect(scaled([1, 3, 2], 'none')).toEqual([1, 3, 2]);
    expect(scaled([1, 3, NaN, 2], 'gene')).toEqual([0, 1, NaN, 0.5]);
    expect(scaled([1, 3], 'z').map((v) => v.toFixed(4))).toEqual(['-0.7071', '0.7071']);
    expect(scaled([2, 2], 'gene')).toEqual([0, 0]);
    expect(scaled([2, 2], 'z')).toEqual([0, 0]);
  });
});

describe('markers', () => {
  it('stand once, for the first group that has them', () => {
    const rows = [['x', 'A'], ['x', 'B'], ['x', 'C'], ['y', 'A'], ['y', 'D'], ['y', 'E']].map(([group, feature]) => ({ group, feature }));
    expect(topMarkers(rows, 2).map((r) => r.group + r.feature)).toEqual(['xA', 'xB', 'yD', 'yE']);
  });
});

describe('dots and heat maps', () => {
  const input = { rows: ROWS, genes: ['A', 'B'], scaling: 'none' as const, map: 'viridis' as const, unit: 'u' };
  it('colour by the mean; the area of a dot is the share', () => {
    const dots = told(drawGrid({ ...input, shape: 'dots' }, ON_PAPER, 900), 'circle').flatMap((m) => (m.kind === 'circle' ? [m] : []));
    expect(dots.map((d) => [d.data?.group, d.data?.feature, d.data?.mean, d.data?.share])).toEqual([['x', 'A', 1, 0.25], ['x', 'B', 0, 0], ['y', 'A', 3, 1], ['y', 'B', 0, 0]]);
    expect((dots[0].r / dots[2].r) ** 2).toBeCloseTo(0.25);
    expect(dots.map((d) => d.fill)).toEqual([1 / 3, 0, 1, 0].map((t) => mapHex('viridis', t)));
  });
  it('have a legend beside them, or below where there is little room', () => {
    const wide = drawGrid({ ...input, shape: 'cells' }, ON_PAPER, 900);
    const narrow = drawGrid({ ...input, shape: 'cells' }, ON_PAPER, 300);
    expect(narrow.height).toBeGreaterThan(wide.height);
    expect(narrow.width).toBeLessThanOrEqual(300);
  });
  it('bracket markers by their group', () => {
    const texts = drawGrid({ ...input, shape: 'cells', markerOf: new Map([['A', 'x'], ['B', 'y']]) }, ON_PAPER, 900).marks.filter((m) => m.tip?.startsWith('Markers of'));
    expect(new Set(texts.map((m) => m.tip))).toEqual(new Set(['Markers of x', 'Markers of y']));
  });
});

describe('violins', () => {
  const violin = (group: string, split = '') => ({ group, split, n: 10, bandwidth: 0.5, values: Float64Array.from([0, 1, 2]), densities: Float64Array.from([0.1, 0.4, 0.2]) });
  it('are outlines that mirror the density', () => {
    const scene = drawViolins({ genes: [{ gene: 'A', violins: [violin('x'), violin('y')] }], rows: ROWS.slice(0, 2), colors: new Map([['x', '#123456']]), split: null, unit: 'u' }, ON_PAPER, 900, 400);
    const [first] = told(scene, 'area').flatMap((m) => (m.kind === 'area' ? [m] : []));
    expect(first.fill).toBe('#123456');
    const ys = first.points.filter((_, i) => i % 2);
    const middle = (ys[0] + ys[5]) / 2;
    const widths = ys.slice(0, 3).map((y) => middle - y);
    expect(widths[1] / widths[0]).toBeCloseTo(4);
    expect(widths[1] / widths[2]).toBeCloseTo(2);
    expect(first.data).toMatchObject({ feature: 'A', group: 'x', median: 1, n: 10 });
  });
  it('draw a bar where all values are equal, and a legend where groups are split', () => {
    const flat = { ...violin('x', 's'), bandwidth: 0, densities: Float64Array.from([NaN, NaN, NaN]) };
    const scene = drawViolins({ genes: [{ gene: 'A', violins: [flat] }], rows: [row('A', 'x', 1, 1, 's')], colors: new Map([['s', '#abcdef']]), split: 'by', unit: 'u' }, ON_PAPER, 900, 400);
    expect(told(scene, 'line')).toHaveLength(1);
    expect(scene.marks.some((m) => m.kind === 'text' && m.text === 'by')).toBe(true);
  });
});
