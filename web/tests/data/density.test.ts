import { describe, expect, it } from 'vitest';
import { countCells, paintCounts } from '../../src/data/density';
import { toScreen } from '../../src/data/viewport';
import { seeded } from './random';

const random = seeded(11);
const n = 3000;
const x = Float32Array.from({ length: n }, () => random() * 12 - 6);
const y = Float32Array.from({ length: n }, () => random() * 12 - 6);
const shades = Uint8Array.from({ length: n }, () => Math.floor(random() * 4));
const flags = Uint8Array.from({ length: n }, () => Math.floor(random() * 3));
const table = new Uint8Array(1024);
[[200, 200, 200], [255, 0, 0], [0, 255, 0], [0, 0, 255]].forEach((c, i) => table.set([...c, 255], i * 4));
const view = { x: 0.3, y: -0.2, scale: 4, width: 40, height: 30 };

describe('density', () => {
  const counts = countCells({ x, y, shades, flags, table }, view);
  it('counts every shown cell in its pixel', () => {
    const bright = new Uint32Array(40 * 30);
    const dim = new Uint32Array(40 * 30);
    for (let i = 0; i < n; i++) {
      const [px, py] = toScreen(view, x[i], y[i]).map(Math.floor);
      if (px < 0 || py < 0 || px >= 40 || py >= 30 || flags[i] === 0) continue;
      (flags[i] === 2 ? bright : dim)[py * 40 + px]++;
    }
    expect(counts.bright).toEqual(bright);
    expect(counts.dim).toEqual(dim);
    expect(counts.drawn).toBe(bright.reduce((a, b) => a + b, 0) + dim.reduce((a, b) => a + b, 0));
    expect(counts.most).toBe(Math.max(...bright, ...dim));
  });
  it('averages colours, of the bright cells alone where there are any', () => {
    const at = (xs: number[], s: number[], f: number[]) =>
      [...paintCounts(countCells({ x: Float32Array.from(xs), y: new Float32Array(xs.length), shades: Uint8Array.from(s), flags: Uint8Array.from(f), table }, { x: 0, y: 0, scale: 1, width: 1, height: 1 }))];
    expect(at([0, 0], [1, 3], [2, 2]).slice(0, 3)).toEqual([128, 0, 128]);
    expect(at([0, 0], [1, 3], [1, 2]).slice(0, 3)).toEqual([0, 0, 255]);
    expect(at([0, 0], [3, 1], [2, 1]).slice(0, 3)).toEqual([0, 0, 255]);
    expect(Math.abs(at([0], [1], [1])[3] - 0.3 * 255)).toBeLessThan(1);
    expect(at([0], [1], [2])[3]).toBe(255);
    expect(at([0], [1], [0])).toEqual([0, 0, 0, 0]);
  });
  it('is brighter where there are more cells', () => {
    const X = Float32Array.from([...new Array(100).fill(-0.4), 0.4]);
    const input = { x: X, y: new Float32Array(101), shades: new Uint8Array(101), flags: new Uint8Array(101).fill(2), table };
    const pixels = paintCounts(countCells(input, { x: 0, y: 0, scale: 1, width: 2, height: 1 }));
    expect(pixels[3]).toBe(255);
    expect(pixels[7]).toBe(Math.round(255 * 0.35));
  });
  it('skips cells without a position', () => {
    const input = { x: Float32Array.of(NaN), y: Float32Array.of(0), shades: Uint8Array.of(1), flags: Uint8Array.of(2), table };
    expect(countCells(input, view).drawn).toBe(0);
  });
});
