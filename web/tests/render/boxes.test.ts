/** Boxes and bars of a number by group, against numbers worked out by hand. */

import { describe, expect, it } from 'vitest';
import { drawBoxes, endsFor, meanAndDeviation } from '../../src/render/figure/boxes';
import { ON_PAPER, type Mark } from '../../src/render/figure/scene';

const points = [1, 2, 3, 4, 10].map((value, i) => ({ name: `file ${i}`, group: 'KO', value })).concat([{ name: 'alone', group: 'WT', value: 6 }]);
const input = { points, groups: ['KO', 'WT'], colors: ['#111111', '#222222'], title: 'Events' };
const rects = (marks: Mark[]) => marks.filter((m) => m.kind === 'rect');

describe('boxes and bars', () => {
  it('mean and standard deviation of n - 1', () => {
    expect(meanAndDeviation([1, 2, 3, 4, 10])).toEqual([4, expect.closeTo(Math.sqrt(12.5), 12)]);
    expect(meanAndDeviation([7])).toEqual([7, 0]);
  });

  it('a bar stands from zero to the mean, with a whisker where there is a deviation', () => {
    const { marks } = drawBoxes({ ...input, kind: 'bars' }, ON_PAPER, 600, 400);
    const [ko, wt] = rects(marks);
    expect(ko.data).toEqual({ group: 'KO', mean: 4, sd: expect.closeTo(3.5355339, 6) });
    expect(wt.data).toEqual({ group: 'WT', mean: 6, sd: 0 });
    // both have one foot, and heights as 4 to 6
    expect(ko.y + ko.height).toBeCloseTo(wt.y + wt.height, 6);
    expect(ko.height / wt.height).toBeCloseTo(4 / 6, 6);
    const dots = marks.filter((m) => m.kind === 'circle');
    expect(dots.map((d) => d.data?.value)).toEqual([1, 2, 3, 4, 10, 6]);
  });

  it('the axis ends at round numbers; boxes need no 0, bars do', () => {
    expect(endsFor([84.8, 85.5, 84.9], false)).toEqual([84.8, 85.6]);
    expect(endsFor([84.8, 85.5, 84.9], true)).toEqual([0, 100]);
    expect(endsFor([12, 85], false)).toEqual([0, 100]);
    expect(endsFor([-30, 10], false)).toEqual([-30, 10]);
    expect([endsFor([], false), endsFor([0, 0], true), endsFor([7, 7], false)]).toEqual([[0, 1], [0, 1], [0, 8]]);
  });

  it('groups of two things are named in two rows, nothing cut', () => {
    const groups = ['A, 0', 'A, 25', 'B, 0'];
    const nested = { firsts: ['donor A', 'donor A', 'donor B'], seconds: ['0', '25', '0'], title: 'dose' };
    const { marks } = drawBoxes({ ...input, points: groups.map((group) => ({ name: group, group, value: 1 })), groups, nested }, ON_PAPER, 300, 400);
    const texts = marks.filter((m) => m.kind === 'text');
    expect(texts.filter((t) => ['0', '25'].includes(t.text) && t.anchor === 'middle').map((t) => t.text)).toEqual(['0', '25', '0']);
    const [dose, a, b] = ['dose', 'donor A', 'donor B'].map((text) => texts.filter((t) => t.text === text));
    expect([dose.length, a.length, b.length]).toEqual([1, 1, 1]);
    // the first one stands in the middle of its two groups
    const places = texts.filter((t) => t.text.startsWith('n = ')).map((t) => t.x);
    expect(a[0].x).toBeCloseTo((places[0] + places[1]) / 2, 6);
    expect(b[0].x).toBeCloseTo(places[2], 6);
  });

  it('a box has the quartiles; two values or fewer have none', () => {
    const { marks } = drawBoxes(input, ON_PAPER, 600, 400);
    expect(rects(marks).map((m) => m.data)).toEqual([{ group: 'KO', median: 3, q1: 2, q3: 4 }]);
  });
});
