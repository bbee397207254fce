/** Formulas as they are typed, the lines that refusals are about, and kept tables shown again. */

import { describe, expect, it } from 'vitest';
import { choiceOf, problemAt, readFormulas, writeFormulas } from '../../src/features/gating/statistics/asked';

const TEXT = 'ratio = median(CD4) / median(CD8)\n\n  share of T =   percent(T cells, total)';

describe('formulas', () => {
  it('are read line by line and written again', () => {
    const { formulas, problems } = readFormulas(TEXT);
    expect(problems).toEqual([]);
    expect(formulas.map((f) => [f.line, f.name, f.formula])).toEqual([[0, 'ratio', 'median(CD4) / median(CD8)'], [2, 'share of T', 'percent(T cells, total)']]);
    expect(formulas.map((f) => TEXT.split('\n')[f.line].slice(f.start))).toEqual(['median(CD4) / median(CD8)', 'percent(T cells, total)']);
    expect(readFormulas(writeFormulas(Object.fromEntries(formulas.map((f) => [f.name, f.formula])))).formulas.map((f) => f.name)).toEqual(['ratio', 'share of T']);
  });

  it('are refused where the name or the formula is missing, or the name is taken', () => {
    const { formulas, problems } = readFormulas('median(CD4)\n= 1\nb =\nc = 1\nc = 2');
    expect(problems.map((p) => p.line)).toEqual([0, 1, 2, 4]);
    expect(formulas.map((f) => f.formula)).toEqual(['1']);
  });

  it('a refusal of the server is found at its line and letter', () => {
    const { formulas } = readFormulas(TEXT);
    const refusal = (message: string, where = 'formulas', position: number | null = null) => problemAt(formulas, { message, where, position });
    expect(refusal('The formula cannot be used.', "formula 'share of T'", 1)).toMatchObject({ line: 2, at: 17 });
    expect(TEXT.split('\n')[2][17]).toBe('p');
    expect(refusal("'ratio' is another column of the table.")).toMatchObject({ line: 0, at: null });
    expect(refusal("'a.fcs' has no 'var:CD8'.", 'axes')).toMatchObject({ line: 0, at: null });
    expect(refusal("'a.fcs' has no 'var:CD19'.", 'axes')).toBeNull();
  });
});

describe('a kept table', () => {
  const known = { populations: new Set(['p1', 'p2']), files: new Set(['f1']), channels: new Set(['var:A']), compensations: new Set(['c1']) };

  it('is asked for again as it was', () => {
    const { choice, compensation, missing } = choiceOf(
      { dataset_ids: ['f1'], population_ids: [null, 'p1'], axes: ['var:A'], statistics: ['quantile', 'percent'], q: 0.9, percent_of: ['p2'], formulas: { r: '1' }, beads: { population_id: 'p2', n_added: 5, volume_ul: 2 }, compensation: 'c1', format: 'csv' },
      known,
    );
    expect(missing).toEqual([]);
    expect(compensation).toBe('c1');
    expect(choice).toEqual({ populations: ['', 'p1'], files: ['f1'], channels: ['var:A'], statistics: ['quantile', 'percent'], of: 'p2', q: 0.9, formulas: 'r = 1', beads: 'p2', added: 5, volume: 2 });
  });

  it('leaves out what the study no longer has, and says so', () => {
    const { choice, compensation, missing } = choiceOf({ dataset_ids: ['f1', 'gone'], population_ids: ['p1', 'gone'], axes: ['var:A', 'var:B'], statistics: ['median'], percent_of: ['gone'], compensation: 'gone', format: 'csv' }, known);
    expect(choice).toMatchObject({ populations: ['p1'], files: ['f1'], channels: ['var:A'], of: 'parent', beads: '' });
    expect(compensation).toBe('own');
    expect(missing).toHaveLength(5);
  });
});
