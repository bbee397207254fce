/** Scales, gates as shapes, density and trees, each against what can be worked out without them. */

import { describe, expect, it } from 'vitest';
import { labelsOf, pathsOf, shapeFromDrag, simplified, toPixels, toPlaces } from '../../src/data/gating/drawing';
import { countSectors, handlesOf, moved, reshaped, sectorAt, withoutVertex, type Point, type Shape } from '../../src/data/gating/geometry';
import { boundsOf, placeLabels } from '../../src/data/gating/labels';
import { blurred, contourLines, countOnGrid, curveOver, densityAt, probabilityLevels } from '../../src/data/gating/raster';
import { convertScale, scaleOf, scaleProblem } from '../../src/data/gating/scales';
import { axisTicks } from '../../src/data/gating/ticks';
import { seeded } from './random';

describe('scales', () => {
  it('arcsinh as CellEngine’s own test vectors have it', () => {
    const scale = scaleOf({ type: 'arcsinh', minimum: -1e9, maximum: 1e9, cofactor: 5 });
    expect(scale.forward(-250)).toBeCloseTo(-4.60527, 5);
    expect(scale.forward(10)).toBeCloseTo(1.44364, 5);
    expect(scale.forward(50000)).toBeCloseTo(9.90349, 5);
    expect(scaleOf({ type: 'arcsinh', minimum: -200, maximum: 1e9, cofactor: 5 }).forward(-250)).toBeCloseTo(-4.38218, 5);
  });

  it('logicle and hyperlog as FlowKit’s own C has them', () => {
    // flowutils 1.2.2, transforms.logicle and transforms.hyperlog with T 1000, W 1, M 4
    const values = [-1, 0, 1, 10, 100, 1000];
    const told = (type: string, a: number) => values.map((v) => scaleOf({ type, t: 1000, w: 1, m: 4, a }).forward(v));
    const near = (expected: number[]) => expected.map((v) => expect.closeTo(v, 7));
    expect(told('logicle', 0)).toEqual(near([0.22875162, 0.25, 0.27124838, 0.4324258, 0.73954765, 1]));
    expect(told('logicle', 1)).toEqual(near([0.38300129, 0.4, 0.41699871, 0.54594064, 0.79163812, 1]));
    expect(told('hyperlog', 0)).toEqual(near([0.2294768, 0.25, 0.2705232, 0.41644594, 0.73187469, 1]));
  });

  it('biexponential as the server has it', () => {
    const scale = scaleOf({ type: 'biexponential', top: 262144.000029, positive: 4.41854, negative: 0, width: -10 });
    for (const [value, channel] of [[-100, 97.34396559], [0, 463], [10, 502.09858196], [1000, 1816.82107195], [1e5, 3708.82377909]]) expect(scale.forward(value)).toBeCloseTo(channel, 5);
  });

  it.each([
    { type: 'linear', minimum: -10, maximum: 300000 },
    { type: 'log', minimum: 1, maximum: 300000 },
    { type: 'arcsinh', minimum: -300, maximum: 300000, cofactor: 150 },
    { type: 'logicle', t: 262144, w: 0.7, m: 4.5, a: 0 },
    { type: 'biexponential', top: 262144, positive: 4.41854, negative: 0.5, width: -100 },
    { type: 'hyperlog', t: 262144, w: 1, m: 4.5, a: 0 },
    { type: 'gml-asinh', t: 262144, m: 4, a: 1 },
    { type: 'gml-log', t: 262144, m: 5 },
    { type: 'gml-linear', t: 262144, a: 100 },
  ])('$type goes there and back, and ever upwards', (json) => {
    const scale = scaleOf(json);
    expect(scaleProblem(json)).toBe('');
    let before = -Infinity;
    for (const value of [3, 17, 250, 4000, 61000, 200000]) {
      const s = scale.forward(value);
      expect(scale.inverse(s) / value).toBeCloseTo(1, 6);
      expect(s).toBeGreaterThan(before);
      before = s;
    }
    const limited = scaleOf({ ...json, maximum: 250000 });
    expect(limited.forward(1e12)).toBeCloseTo(limited.forward(250000), 9);
    expect(limited.forward(1e12)).toBeCloseTo(limited.range![1], 9);
  });

  it('an axis without a scale is taken as it is, and a scale keeps its ends when its type changes', () => {
    expect(scaleOf(undefined).forward(-3e9)).toBe(-3e9);
    expect(convertScale({ type: 'arcsinh', minimum: -100, maximum: 1000, cofactor: 5 }, 'linear', 0, 5)).toEqual({ type: 'linear', minimum: -100, maximum: 1000 });
    expect(convertScale(null, 'log', -4, 900)).toEqual({ type: 'log', minimum: 1, maximum: 900 });
    expect(scaleProblem({ type: 'log', minimum: 0, maximum: 5 })).toContain('above 0');
    expect(scaleProblem({ type: 'linear', minimum: 7, maximum: 5 })).toContain('above the minimum');
  });

  it('ticks stand at powers of ten with raised labels, on linear axes at round numbers', () => {
    const scale = scaleOf({ type: 'arcsinh', minimum: -200, maximum: 262144, cofactor: 150 });
    const labelled = axisTicks(scale, scale.range![0], scale.range![1], 5).filter((t) => t.label);
    expect(labelled.map((t) => (t.power === null ? t.label : `${t.label}^${t.power}`))).toEqual(['0', '10^3', '10^4', '10^5']);
    for (const tick of labelled) expect(tick.at).toBeCloseTo(Math.asinh((tick.power === null ? 0 : 10 ** tick.power) / 150), 6);
    expect(axisTicks(scaleOf({ type: 'linear', minimum: 0, maximum: 262144 }), 0, 262144, 5).map((t) => t.label)).toEqual(['0', '100K', '200K']);
  });
});

const SHAPES: Shape[] = [
  { kind: 'rectangle', x1: 3, x2: 1, y1: 0, y2: 2 },
  { kind: 'polygon', vertices: [[0, 0], [4, 0], [4, 4], [2, 1], [0, 4]] },
  { kind: 'ellipse', center: [1, 1], angle: Math.PI / 6, major: 4, minor: 2 },
  { kind: 'range', x1: 1, x2: 2, y: 0.5 },
  { kind: 'split', x: 1, y: 0.5 },
  { kind: 'quadrant', x: 1, y: 2, angles: [0, Math.PI / 2, Math.PI, 1.5 * Math.PI] },
];

describe('gates', () => {
  it('edges belong where the server puts them', () => {
    const [rectangle, polygon, ellipse, range, split, quadrant] = SHAPES;
    expect([sectorAt(rectangle, 1, 0), sectorAt(rectangle, 3, 2), sectorAt(rectangle, 3.001, 1)]).toEqual([0, 0, -1]);
    expect([sectorAt(polygon, 0, 2), sectorAt(polygon, 2, 1), sectorAt(polygon, 2, 1.01), sectorAt(polygon, 4, 4)]).toEqual([0, 0, -1, 0]);
    const [cos, sin] = [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6)];
    expect([sectorAt(ellipse, 1 + 1.999 * cos, 1 + 1.999 * sin), sectorAt(ellipse, 1 - 1.01 * sin, 1 + 1.01 * cos)]).toEqual([0, -1]);
    expect([sectorAt(range, 1, NaN), sectorAt(range, 2, NaN), sectorAt(range, 0.9, 0)]).toEqual([0, 0, -1]);
    expect([sectorAt(split, 0.99, NaN), sectorAt(split, 1, NaN), sectorAt(split, NaN, 0)]).toEqual([0, 1, -1]);
    expect([sectorAt(quadrant, 1, 2), sectorAt(quadrant, 0.9, 2), sectorAt(quadrant, 0.9, 1.9), sectorAt(quadrant, 1, 1.9)]).toEqual([0, 1, 2, 3]);
  });

  it('a skewed quadrant parts the plane at its rays', () => {
    const skewed: Shape = { kind: 'quadrant', x: 0, y: 0, angles: [0.2, Math.PI / 2 + 0.2, Math.PI, 1.5 * Math.PI] };
    expect(sectorAt(skewed, 1, 0.1)).toBe(3);
    expect(sectorAt(skewed, 1, 0.3)).toBe(0);
    expect(sectorAt(skewed, -0.1, 1)).toBe(0);
    expect(sectorAt(skewed, -1, 1)).toBe(1);
  });

  it.each(SHAPES)('$kind: what is moved holds the same events, moved', (shape) => {
    const random = seeded(7);
    const x = Float32Array.from({ length: 500 }, () => random() * 6 - 1);
    const y = Float32Array.from({ length: 500 }, () => random() * 6 - 1);
    const there = moved(shape, 2, 0.25);
    const counted = countSectors(there, x.map((v) => v + 2), y.map((v) => v + (shape.kind === 'range' || shape.kind === 'split' ? 0 : 0.25)));
    expect(counted).toEqual(countSectors(shape, x, y));
    expect(counted.reduce((a, b) => a + b)).toBeGreaterThan(0);
  });

  it.each(SHAPES)('$kind: a handle goes where it is put', (shape) => {
    for (const handle of handlesOf(shape)) {
      const target: Point = [handle.at[0] + 0.3, handle.at[1] + 0.2];
      const next = reshaped(shape, handle.name, target);
      const name = handle.isGhost ? `${Number(handle.name.slice(5)) + 1}` : handle.name;
      const now = handlesOf(next).find((h) => h.name === name)!.at;
      if (shape.kind === 'rectangle' && handle.name.length === 2) expect(now[handle.name[0] === 'x' ? 0 : 1]).toBeCloseTo(target[handle.name[0] === 'x' ? 0 : 1]);
      else if (shape.kind === 'range') expect(now[0]).toBeCloseTo(target[0]);
      else if (handle.name.startsWith('minor')) expect(Math.hypot(now[0] - 1, now[1] - 1)).toBeCloseTo(1 + (handle.name.endsWith('+') ? 1 : -1) * (0.2 * Math.cos(Math.PI / 6) - 0.3 * Math.sin(Math.PI / 6)));
      else expect([now[0], now[1]]).toEqual([expect.closeTo(target[0]), expect.closeTo(target[1])]);
    }
  });

  it('vertices are taken out down to a triangle', () => {
    let polygon = SHAPES[1];
    for (let i = 0; i < 5; i++) polygon = withoutVertex(polygon, 0);
    expect(polygon.kind === 'polygon' && polygon.vertices).toEqual([[4, 4], [2, 1], [0, 4]]);
  });

  it('a hand-drawn circle keeps few vertices and its area', () => {
    const circle = Array.from({ length: 400 }, (_, i): Point => [100 + 50 * Math.cos(i / 64), 100 + 50 * Math.sin(i / 64)]);
    const few = simplified(circle, 1.5);
    expect(few.length).toBeLessThan(40);
    const area = Math.abs(few.reduce((sum, [x, y], i) => sum + x * few[(i + 1) % few.length][1] - few[(i + 1) % few.length][0] * y, 0)) / 2;
    expect(area / (Math.PI * 2500)).toBeGreaterThan(0.95);
  });

  it('drawn shapes lie where the pointer was', () => {
    const axes = { x: [0, 10] as Point, y: [0, 5] as Point, width: 200, height: 100 };
    expect(toPixels(axes, 5, 5)).toEqual([100, 0]);
    expect(toPlaces(axes, 100, 0)).toEqual([5, 5]);
    expect(shapeFromDrag('rectangle', [4, 1], [2, 3], 0.5)).toEqual({ kind: 'rectangle', x1: 2, x2: 4, y1: 1, y2: 3 });
    const ellipse = shapeFromDrag('ellipse', [0, 0], [2, 4], 0.5)!;
    expect([sectorAt(ellipse, 1, 3.99), sectorAt(ellipse, 1.99, 2), sectorAt(ellipse, 0.1, 0.1)]).toEqual([0, 0, -1]);
    expect(shapeFromDrag('range', [1, 0], [1, 4], 0.5)).toBeNull();
    for (const shape of SHAPES) {
      const { area, lines } = pathsOf(shape, axes);
      expect((area + lines).startsWith('M')).toBe(true);
      for (const [x, y] of labelsOf(shape, axes)) expect(x >= 0 && x <= 200 && y >= 0 && y <= 100).toBe(true);
    }
  });
});

describe('density', () => {
  const random = seeded(3);
  const normal = () => Math.sqrt(-2 * Math.log(random() || 1e-9)) * Math.cos(2 * Math.PI * random());
  const x = Float32Array.from({ length: 20000 }, normal);
  const y = Float32Array.from({ length: 20000 }, normal);
  const axes = { x: [-4, 4] as Point, y: [-4, 4] as Point };

  it('every event is counted once, those beyond the axes on their ends', () => {
    const raster = countOnGrid(Float32Array.of(-99, 0, NaN, 3.999), Float32Array.of(99, 0, 0, -4), axes, 8, 8);
    expect(raster.total).toBe(3);
    expect([raster.counts[0], raster.counts[3 * 8 + 4] + raster.counts[4 * 8 + 4], raster.counts[63]]).toEqual([1, 1, 1]);
  });

  it('smoothing keeps the number of events and spreads as a Gaussian', () => {
    const single = { width: 41, height: 41, counts: new Float32Array(41 * 41), total: 1 };
    single.counts[20 * 41 + 20] = 1;
    const smooth = blurred(single, 3);
    let [sum, variance] = [0, 0];
    smooth.forEach((v, i) => {
      sum += v;
      variance += v * ((i % 41) - 20) ** 2;
    });
    expect(sum).toBeCloseTo(1, 4);
    expect(Math.sqrt(variance)).toBeGreaterThan(2.4);
    expect(Math.sqrt(variance)).toBeLessThan(3.6);
  });

  it('a line of a two-dimensional normal lies on its circle', () => {
    const size = 64;
    const density = blurred(countOnGrid(x, y, axes, size, size), 2);
    const [level] = probabilityLevels(density, [0.5]);
    const line = contourLines(density, size, size, level);
    expect(line.length).toBeGreaterThan(40);
    // half of the events lie within sqrt(2 ln 2) standard deviations; smoothing widens by 2 cells of 1/8
    const expected = Math.sqrt(2 * Math.log(2)) * Math.hypot(1, 2 / 8);
    const radii = [];
    for (let i = 0; i < line.length; i += 2) radii.push(Math.hypot((line[i] - size / 2) / 8, (line[i + 1] - size / 2) / 8));
    expect(radii.reduce((a, b) => a + b) / radii.length).toBeCloseTo(expected, 1);
  });

  it('few events in a small heap are told apart by their density, and one alone is thin', () => {
    const plot = { ...axes, width: 320, height: 320 };
    // a standard deviation of 7 pixels
    const heap = [x, y].map((all) => Float32Array.from([...all.slice(0, 300).map((v) => v * 0.175), 3, NaN]));
    const density = densityAt(heap[0], heap[1], plot);
    const top = density.slice(0, 300).sort()[290];
    const far = [...density].slice(0, 300).filter((_, i) => Math.hypot(x[i], y[i]) > 2);
    expect(far.length).toBeGreaterThan(20);
    expect(far.reduce((a, b) => a + b) / far.length).toBeLessThan(0.4 * top);
    expect(density[300]).toBeLessThan(0.2 * top);
    expect(density[301]).toBeNaN();
  });

  it('a curve holds all events', () => {
    const curve = curveOver(x, [-4, 4], 128, 1.5);
    expect(curve.reduce((a, b) => a + b)).toBeCloseTo(20000, -1);
  });
});

describe('names of gates', () => {
  const axes = { x: [0, 100] as Point, y: [0, 100] as Point, width: 300, height: 300 };
  const box = (x1: number, x2: number, y1: number, y2: number): Shape => ({ kind: 'rectangle', x1, x2, y1, y2 });
  /** Left, top, right, bottom of a label. */
  const area = ([x, y]: Point, width: number) => [x - width / 2, y - 25, x + width / 2, y + 3];
  const touch = (a: number[], b: number[]) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

  it('a gate right below another has its name under it, not over the other', () => {
    const [upper, lower] = [box(20, 40, 45, 80), box(20, 45, 30, 42)];
    const places = placeLabels([{ shape: upper, width: 70 }, { shape: lower, width: 70 }], axes);
    expect(places[0]![1]).toBeLessThan(boundsOf(upper, axes)![1]);
    expect(places[1]![1]).toBeGreaterThan(boundsOf(lower, axes)![3]);
    expect(touch(area(places[1]!, 70), boundsOf(upper, axes)!)).toBe(false);
  });

  it('names of gates side by side do not cover one another, and stay on the plot', () => {
    const random = seeded(3);
    const gates = Array.from({ length: 4 }, (_, i) => ({ shape: box(5 + 24 * i, 20 + 24 * i, 10 + 60 * random(), 95), width: 60 }));
    const areas = placeLabels(gates, axes).map((at) => area(at!, 60));
    for (const [l, t, r, b] of areas) expect([l >= 0, t >= 0, r <= 300, b <= 300]).toEqual([true, true, true, true]);
    expect(areas.flatMap((a, i) => areas.slice(i + 1).filter((other) => touch(a, other)))).toEqual([]);
  });

  it('quadrants and names that were put by hand stay where they are', () => {
    expect(placeLabels([{ shape: { kind: 'quadrant', x: 50, y: 50, angles: [0, 1, 2, 3] } as unknown as Shape, width: 40 }, { shape: box(1, 2, 1, 2), width: 40, fixed: [50, 50] }], axes)).toEqual([null, null]);
  });

  it('an ellipse that is turned has the bounds of its points', () => {
    const shape: Shape = { kind: 'ellipse', center: [50, 50], major: 60, minor: 20, angle: 0.6 };
    const points = Array.from({ length: 3600 }, (_, i) => {
      const t = (i / 3600) * 2 * Math.PI;
      return toPixels(axes, 50 + 30 * Math.cos(t) * Math.cos(0.6) - 10 * Math.sin(t) * Math.sin(0.6), 50 + 30 * Math.cos(t) * Math.sin(0.6) + 10 * Math.sin(t) * Math.cos(0.6));
    });
    const told = boundsOf(shape, axes)!;
    [Math.min(...points.map((p) => p[0])), Math.min(...points.map((p) => p[1])), Math.max(...points.map((p) => p[0])), Math.max(...points.map((p) => p[1]))].forEach((v, i) => expect(told[i]).toBeCloseTo(v, 2));
  });
});
