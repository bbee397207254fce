import { describe, expect, it } from 'vitest';
import { categoryColors, categoryTable, inkOn, mapHex, MISSING_COLOR, numericTable, OKABE_ITO, OTHERS_COLOR, parseHex, SET_24 } from '../../src/data/colors';

describe('numeric maps', () => {
  it('begin and end at the colours of matplotlib', () => {
    expect(mapHex('viridis', 0)).toBe('#440154');
    expect(mapHex('viridis', 1)).toBe('#fde725');
    expect(mapHex('cividis', 0)).toBe('#00224e');
    expect(mapHex('cividis', 1)).toBe('#fee838');
  });
  it('lie between their neighbours in between, and clip outside', () => {
    // Within one step of matplotlib's entry 128 of 256.
    parseHex(mapHex('viridis', 0.5)).forEach((c, k) => expect(Math.abs(c - [33, 145, 140][k])).toBeLessThanOrEqual(1));
    // on dark paper a map starts above its darkest steps, and ends where it always does
    const light = (hex: string) => parseHex(hex).reduce((sum, c, k) => sum + c * [0.2126, 0.7152, 0.0722][k], 0);
    expect(light(mapHex('viridis', 0, true))).toBeGreaterThan(light(mapHex('viridis', 0)) + 30);
    expect(mapHex('viridis', 1, true)).toBe(mapHex('viridis', 1));
    expect(mapHex('viridis', -3)).toBe(mapHex('viridis', 0));
    expect(mapHex('viridis', 7)).toBe(mapHex('viridis', 1));
  });
  it('keep shade 0 for cells without a value', () => {
    const table = numericTable('viridis');
    expect([...table.subarray(0, 4)]).toEqual([...parseHex(MISSING_COLOR), 255]);
    expect([...table.subarray(4, 7)]).toEqual(parseHex('#440154'));
    expect([...table.subarray(255 * 4, 255 * 4 + 3)]).toEqual(parseHex('#fde725'));
  });
  it('grow lighter all the way (viridis), so that order shows without hue', () => {
    const light = Array.from({ length: 65 }, (_, i) => parseHex(mapHex('viridis', i / 64))).map(([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b);
    for (let i = 1; i < light.length; i++) expect(light[i]).toBeGreaterThan(light[i - 1]);
  });
});

describe('categories', () => {
  it('take Okabe–Ito up to eight and the larger set up to 24', () => {
    expect(categoryColors(new Array(8).fill(1), null)).toEqual(OKABE_ITO);
    expect(categoryColors(new Array(24).fill(1), null)).toEqual(SET_24);
    expect(new Set(SET_24).size).toBe(24);
    expect(new Set(OKABE_ITO).size).toBe(8);
  });
  it('colour the 24 largest of more, the rest are others', () => {
    const counts = Array.from({ length: 30 }, (_, i) => i);
    const colors = categoryColors(counts, null);
    expect(colors.slice(0, 6)).toEqual(new Array(6).fill(OTHERS_COLOR));
    expect(colors[29]).toBe(SET_24[0]);
    expect(new Set(colors.slice(6)).size).toBe(24);
  });
  it('keep the stored colours, and ignore what is no colour', () => {
    expect(categoryColors([1, 1, 1], ['#ABCDEF', null, 'red'])).toEqual(['#abcdef', OKABE_ITO[1], OKABE_ITO[2]]);
  });
  it('put category i at shade i + 1, and share the last shade beyond 254', () => {
    const many = Array.from({ length: 300 }, () => '#010203');
    const table = categoryTable(many);
    expect([...table.subarray(254 * 4, 254 * 4 + 3)]).toEqual([1, 2, 3]);
    expect([...table.subarray(255 * 4, 255 * 4 + 3)]).toEqual(parseHex(OTHERS_COLOR));
    expect([...categoryTable(many.slice(0, 255)).subarray(255 * 4, 255 * 4 + 3)]).toEqual([1, 2, 3]);
  });
  it('get ink that reads', () => {
    expect(inkOn('#ffffff')).toBe('#111417');
    expect(inkOn('#000000')).toBe('#ffffff');
  });
});
