import { inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { crosstab, groupTotal, stack } from '../../src/data/crosstab';
import { toCsv } from '../../src/data/csv';
import { literal } from '../../src/data/python';
import { drawComposition } from '../../src/render/figure/composition';
import { linear, ticks } from '../../src/render/figure/parts';
import { lacksLetters, runsOf } from '../../src/render/figure/letters';
import { toPdf } from '../../src/render/figure/pdf';
import { pointsMark } from '../../src/render/figure/points';
import { ON_PAPER, titled, type Scene } from '../../src/render/figure/scene';
import { toSvg } from '../../src/render/figure/svg';
import { shortened, textWidth } from '../../src/render/figure/widths';

const SCENE: Scene = {
  width: 100,
  height: 50,
  marks: [
    { kind: 'rect', x: 1, y: 2, width: 3, height: 4, fill: '#ff0000', tip: 'a < b' },
    { kind: 'circle', x: 10, y: 10, r: 5, fill: '#00ff00', opacity: 0.5 },
    { kind: 'area', points: [0, 0, 10, 0, 10, 10], closed: true, fill: '#0000ff', stroke: '#000000' },
    { kind: 'text', x: 50, y: 25, text: 'γδ T (CD3E)', fill: '#000000', anchor: 'middle', turn: 90 },
  ],
};

describe('axes', () => {
  it('have few round ticks within the data', () => {
    expect(ticks(0, 1, 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
    expect(ticks(-3.2, 7.9, 4)).toEqual([0, 5]);
    expect(ticks(0, 0.3, 3)).toEqual([0, 0.1, 0.2, 0.3]);
    expect(ticks(5, 5, 4)).toEqual([5]);
    expect(linear(0, 10, 100, 200)(2.5)).toBe(125);
  });
});

describe('text', () => {
  it('is as wide as in Helvetica', () => {
    expect(textWidth('CD3E', 10)).toBeCloseTo((722 + 722 + 556 + 667) / 100);
  });
  it('is cut where there is no room', () => {
    expect(shortened('CD14+ Monocyte', 500, 12)).toBe('CD14+ Monocyte');
    const cut = shortened('CD14+ Monocyte', 50, 12);
    expect(cut.endsWith('…')).toBe(true);
    expect(textWidth(cut, 12)).toBeLessThanOrEqual(50);
  });
});

describe('files', () => {
  it('are written as SVG with what stands in text escaped', () => {
    const svg = toSvg(SCENE);
    expect(svg).toContain('<title>a &lt; b</title>');
    expect(svg).toContain('>γδ T (CD3E)</text>');
    expect(svg.match(/<(rect|circle|path|text) /g)).toHaveLength(4);
  });
  it('are written as PDF whose table of objects is right', async () => {
    const bytes = Buffer.from(await toPdf(titled(SCENE, 'Title', ['a line'], ON_PAPER)));
    const text = bytes.toString('latin1');
    const start = Number(/startxref\n(\d+)/.exec(text)?.[1]);
    expect(text.slice(start, start + 4)).toBe('xref');
    const offsets = [...text.slice(start).matchAll(/^(\d{10}) 00000 n /gm)].map((m) => Number(m[1]));
    offsets.forEach((offset, i) => expect(text.slice(offset).startsWith(`${i + 1} 0 obj`)).toBe(true));
    const stream = text.indexOf('stream\n') + 7;
    const length = Number(/\/Length (\d+)/.exec(text)?.[1]);
    const content = inflateSync(bytes.subarray(stream, stream + length)).toString('latin1');
    // the Greek letters in the font that has them, the rest in Helvetica
    expect(content).toContain(`/F3 12 Tf <${Buffer.from('gd').toString('hex')}> Tj /F1 12 Tf <${Buffer.from(' T (CD3E)').toString('hex')}> Tj`);
    expect(content).toContain('1 0 0 rg');
  });
  it('hold many points as points, those in view in their order', async () => {
    const table = new Uint8Array(1024);
    table.set([255, 0, 0, 255, 0, 0, 255, 255]);
    const view = { x: 0, y: 0, scale: 10, width: 100, height: 60 };
    const mark = pointsMark([2, 0, 1], { x: Float32Array.of(0, 1, 9), y: Float32Array.of(0, 1, 0), shades: Uint8Array.of(0, 1, 0), table, view, size: 4, opacity: 0.9 });
    expect([...mark.xs, ...mark.ys]).toEqual([50, 60, 30, 20]);
    const scene: Scene = { width: 100, height: 60, marks: [mark] };
    expect(toSvg(scene)).toContain('<g transform="translate(0 0)" fill-opacity="0.9"><circle cx="50" cy="30" r="2" fill="#ff0000"/>\n<circle cx="60" cy="20" r="2" fill="#0000ff"/></g>');
    const bytes = Buffer.from(await toPdf(scene));
    const text = bytes.toString('latin1');
    const stream = text.indexOf('stream\n') + 7;
    const content = inflateSync(bytes.subarray(stream, stream + Number(/\/Length (\d+)/.exec(text)?.[1]))).toString('latin1');
    expect(content).toContain('1 0 0 rg\nq 1 0 0 1 50 30 cm /P0 Do Q\n0 0 1 rg\nq 1 0 0 1 60 40 cm /P0 Do Q');
    expect(text).toContain('/Subtype /Form /BBox [-2 -2 2 2]');
  });
  it('know which letters the fonts of PDF lack', () => {
    expect(['γδ T (CD3E) ≥ 5 µm?', 'Ödem – é', ''].some(lacksLetters)).toBe(false);
    expect(['細胞', 'Моноциты', 'Lympho cytȅ'].every(lacksLetters)).toBe(true);
  });
  it('spell what no font has as a question mark', () => {
    expect(runsOf('é–細')).toEqual([{ symbol: false, bytes: [0xe9, 150, 63], text: 'é–細' }]);
  });
  it('hold numbers as CSV', () => {
    expect(toCsv(['gene', 'mean'], [['A,"B"', 1.5], ['C', NaN]])).toBe('gene,mean\r\n"A,""B""",1.5\r\nC,\r\n');
  });
  it('hold names as Python spells them', () => {
    expect(literal(['a"b', 'µ'])).toBe('["a\\"b", "µ"]');
    expect([literal(true), literal(null), literal(2)]).toEqual(['True', 'None', '2']);
  });
});

const column = (codes: number[], categories: string[]) => ({ kind: 'categorical' as const, name: 'c', codes: Int32Array.from(codes), categories, colors: null, ordered: false });

describe('composition', () => {
  it('counts cells that have both annotations', () => {
    const tab = crosstab(column([0, 0, 1, -1, 1, 2], ['x', 'y', 'z', 'empty']), column([0, 1, 1, 1, 1, -1], ['a', 'b', 'none']));
    expect(tab).toEqual({ groups: ['x', 'y'], categories: ['a', 'b'], counts: Uint32Array.from([1, 1, 0, 2]) });
    expect(groupTotal(tab, 1)).toBe(2);
  });
  it('stacks tables whose categories differ', () => {
    const tab = stack([
      { group: 'd1', column: column([0, 1, 1], ['a', 'b']) },
      { group: 'd2', column: column([0, 0], ['b', 'c']) },
      { group: 'd1', column: column([1], ['b', 'c']) },
    ]);
    expect(tab).toEqual({ groups: ['d1', 'd2'], categories: ['a', 'b', 'c'], counts: Uint32Array.from([1, 2, 1, 0, 2, 0]) });
  });
  it('draws bars whose lengths are the shares', () => {
    const tab = { groups: ['x', 'y'], categories: ['a', 'b'], counts: Uint32Array.from([1, 3, 0, 2]) };
    const colors = new Map([['a', '#111111'], ['b', '#222222']]);
    const bars = drawComposition({ tab, colors, title: 't', as: 'share' }, ON_PAPER, 900).marks.flatMap((m) => (m.kind === 'rect' ? [m] : []));
    expect(bars.map((b) => [b.data?.group, b.data?.category, b.data?.n, b.data?.share])).toEqual([['x', 'a', 1, 0.25], ['x', 'b', 3, 0.75], ['y', 'b', 2, 1]]);
    expect(bars[1].width / bars[0].width).toBeCloseTo(3);
    expect(bars[2].width).toBeCloseTo(bars[0].width + bars[1].width);
    expect(bars[0].fill).toBe('#111111');
  });
});
