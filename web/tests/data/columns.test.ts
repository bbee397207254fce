/** Columns of a table of statistics: decimals that stand below each other, widths that follow what stands in them. */

import { describe, expect, it } from 'vitest';
import { alignedNumbers, widthOf } from '../../src/features/gating/statistics/columns';

describe('numbers of a column', () => {
  it('have the decimals that the largest of them asks for', () => {
    expect(alignedNumbers([36.7, 37, 6.898, -6.625, 7711.04, null])).toEqual(['36.7', '37.0', '6.9', '−6.6', '7,711.0', '–']);
    expect(alignedNumbers([0.25, 1.5])).toEqual(['0.250', '1.500']);
    expect(alignedNumbers([0.12345])).toEqual(['0.1235']);
  });

  it('are never rounded to nothing', () => {
    expect(alignedNumbers([5000, 0.0123, 0])).toEqual(['5,000.0', '0.012', '0.0']);
    expect(alignedNumbers([2.5e7, 12.34])).toEqual(['25,000,000.0', '12.3']);
    expect(alignedNumbers([2.5e9, 12.34])).toEqual(['2.50e+9', '12.3']);
    expect(alignedNumbers([NaN, Infinity])).toEqual(['–', '–']);
  });
});

describe('a column', () => {
  it('is as wide as its longest cell or head, within bounds', () => {
    expect(widthOf(['n'], ['1'])).toBe(50);
    expect(widthOf(['Events'], ['19,225'])).toBeLessThan(84);
    expect(widthOf(['File'], ['a name of a file that goes on and on and on.fcs'])).toBe(220);
    expect(widthOf(['Geometric mean', 'CD8'], ['1'])).toBeGreaterThan(widthOf(['Mean', 'CD8'], ['1']));
  });
});
