import { describe, expect, it } from 'vitest';
import { Bits } from '../../src/data/bits';
import { PointGrid } from '../../src/data/grid';
import { rectangle, selectWithin } from '../../src/data/lasso';
import { countInView, drawOrder, shuffled } from '../../src/data/order';
import { boundsOf, fit, toData, toScreen, zoomAt } from '../../src/data/viewport';
import { seeded } from './random';

const random = seeded(3);
const n = 5000;
const x = Float32Array.from({ length: n }, () => random() * 20 - 10);
const y = Float32Array.from({ length: n }, () => random() * 20 - 10);

/** The obvious way: the winding of the outline seen from the point, one edge at a time, all edges for every point. */
function slowInside(px: number, py: number, outline: number[]): boolean {
  let crossings = 0;
  const m = outline.length / 2;
  for (let i = 0; i < m; i++) {
    const [ax, ay] = [outline[2 * i], outline[2 * i + 1]];
    const [bx, by] = [outline[(2 * i + 2) % (2 * m)], outline[(2 * i + 3) % (2 * m)]];
    if (ay > py !== by > py && px < ((bx - ax) * (py - ay)) / (by - ay) + ax) crossings++;
  }
  return crossings % 2 === 1;
}

describe('lasso', () => {
  const star = Array.from({ length: 80 }, (_, i) => {
    const r = i % 2 ? 3 : 9;
    const t = (i / 80) * 2 * Math.PI;
    return [r * Math.cos(t), r * Math.sin(t)];
  }).flat();
  const crossing = [-8, -8, 8, 8, 8, -8, -8, 8];
  const scribble = Array.from({ length: 600 }, () => random() * 18 - 9);
  for (const [name, outline] of Object.entries({ star, crossing, scribble, flat: [0, 0, 5, 0, 9, 0] })) {
    it(`agrees with the slow way: ${name}`, () => {
      const fast = [...selectWithin(x, y, outline, null).toIndices()];
      const slow = Array.from({ length: n }, (_, i) => i).filter((i) => slowInside(x[i], y[i], outline));
      expect(fast).toEqual(slow);
    });
  }
  it('takes only what is shown, and nothing from a line or from NaN', () => {
    const shown = Bits.fromIndices(n, [1, 2, 3]);
    expect(selectWithin(x, y, rectangle(-11, -11, 11, 11), shown).count()).toBe(3);
    expect(selectWithin(x, y, [0, 0, 1, 1], null).count()).toBe(0);
    expect(selectWithin(Float32Array.of(NaN), Float32Array.of(0), rectangle(-1, -1, 1, 1), null).count()).toBe(0);
  });
  it('holds a million points in about a second at most', () => {
    const X = Float32Array.from({ length: 1_000_000 }, () => random() * 20 - 10);
    const start = performance.now();
    selectWithin(X, X.slice().reverse(), star, null);
    expect(performance.now() - start).toBeLessThan(2500);
  });
});

describe('picking', () => {
  it('finds the nearest as a full search finds it', () => {
    const grid = new PointGrid(x, y);
    for (let k = 0; k < 300; k++) {
      const [px, py] = [random() * 24 - 12, random() * 24 - 12];
      const passes = (i: number) => i % 3 !== 0;
      let best = -1;
      let square = 0.5 ** 2;
      for (let i = 0; i < n; i++) {
        const s = (x[i] - px) ** 2 + (y[i] - py) ** 2;
        if (passes(i) && s <= square) [best, square] = [i, s];
      }
      expect(grid.nearest(px, py, 0.5, passes)).toBe(best);
    }
  });
  it('lives with no points, one point and equal points', () => {
    expect(new PointGrid(new Float32Array(0), new Float32Array(0)).nearest(0, 0, 1, () => true)).toBe(-1);
    expect(new PointGrid(Float32Array.of(2), Float32Array.of(2)).nearest(2.1, 2, 1, () => true)).toBe(0);
    expect(new PointGrid(Float32Array.of(2, 2, 2), Float32Array.of(2, 2, 2)).nearest(2, 2, 1, (i) => i === 1)).toBe(1);
  });
});

describe('view', () => {
  it('fits everything and maps there and back', () => {
    const view = fit(boundsOf(x, y), 800, 600);
    for (let i = 0; i < 50; i++) {
      const [px, py] = toScreen(view, x[i], y[i]);
      expect(px).toBeGreaterThanOrEqual(35);
      expect(py).toBeLessThanOrEqual(565);
      const [bx, by] = toData(view, px, py);
      expect(bx).toBeCloseTo(x[i], 4);
      expect(by).toBeCloseTo(y[i], 4);
    }
  });
  it('keeps the point under the pointer when zooming', () => {
    const view = fit(boundsOf(x, y), 800, 600);
    const before = toData(view, 123, 456);
    const after = toData(zoomAt(view, 123, 456, 3), 123, 456);
    expect(after[0]).toBeCloseTo(before[0], 6);
    expect(after[1]).toBeCloseTo(before[1], 6);
  });
});

describe('order of drawing', () => {
  const flags = Uint8Array.from({ length: n }, (_, i) => i % 3);
  const shades = Uint8Array.from({ length: n }, (_, i) => i % 256);
  const view = { ...fit(boundsOf(x, y), 400, 400), scale: 200 };
  it('lists every shown cell once: dimmed first, then by shade', () => {
    const order = drawOrder({ x, y, flags, shades, ranked: true }, shuffled(n), null);
    expect(order.length).toBe(flags.filter((f) => f > 0).length);
    expect(new Set(order).size).toBe(order.length);
    const keys = [...order].map((i) => flags[i] * 256 + shades[i]);
    expect(keys).toEqual([...keys].sort((a, b) => a - b));
  });
  it('lists what is in view and its margin, and counts what is in view', () => {
    const input = { x, y, flags, shades, ranked: false };
    const inside = Array.from({ length: n }, (_, i) => i).filter((i) => {
      const [px, py] = toScreen(view, x[i], y[i]);
      return flags[i] && px >= 0 && px <= 400 && py >= 0 && py <= 400;
    });
    const order = new Set(drawOrder(input, shuffled(n), view));
    expect(inside.length).toBeGreaterThan(5);
    expect(inside.every((i) => order.has(i))).toBe(true);
    expect(order.size).toBeLessThan(n / 10);
    expect(countInView(input, view, Infinity)).toBe(inside.length);
  });
  it('shuffles the same way each time, and really shuffles', () => {
    expect(shuffled(100)).toEqual(shuffled(100));
    expect([...shuffled(100)].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect([...shuffled(100)].filter((v, i) => v === i).length).toBeLessThan(10);
  });
});
