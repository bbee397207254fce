import { columnFromArray, float64, int64, tableFromColumns, tableToIPC, utf8 } from '@uwdata/flechette';
import { describe, expect, it } from 'vitest';
import { acrossCells, acrossGrid, bestGenes, meanOf, rateOf } from '../../src/data/across';
import { decodeFrame } from '../../src/data/frames';
import { drawAcross } from '../../src/render/figure/acrossDots';
import { ON_PAPER } from '../../src/render/figure/scene';

const rows = [
  // gene, study id, study, dataset, type, sum, count, total
  ['CD3E', 's1', 'Blood', 'd1', 'T', 30, 10, 20],
  ['CD3E', 's1', 'Blood', 'd2', 'T', 10, 10, 60],
  ['CD3E', 's1', 'Blood', 'd1', 'B', 0, 0, 50],
  ['CD3E', 's2', 'Airway', 'd3', 'T', 8, 4, 5],
  ['LYZ', 's1', 'Blood', 'd1', 'T', 1, 1, 20],
] as const;

const texts = (i: number) => columnFromArray(rows.map((r) => String(r[i])), utf8());
const frame = decodeFrame(
  tableToIPC(
    tableFromColumns([
      ['gene', texts(0)], ['study_id', texts(1)], ['study', texts(2)], ['dataset_id', texts(3)], ['cell_type', texts(4)],
      ['sum', columnFromArray(rows.map((r) => r[5]), float64())],
      ['count', columnFromArray(rows.map((r) => BigInt(r[6])), int64())],
      ['total', columnFromArray(rows.map((r) => BigInt(r[7])), int64())],
    ]),
    { format: 'stream' },
  ) as Uint8Array,
);

describe('expression across studies', () => {
  const cells = acrossCells(frame);
  it('takes the datasets of a study together', () => {
    const t = cells.find((c) => c.gene === 'CD3E' && c.studyId === 's1' && c.cellType === 'T');
    expect(t).toMatchObject({ sum: 40, count: 20, total: 80, datasetId: 'd2' });
    expect([t && meanOf(t), t && rateOf(t)]).toEqual([2, 0.25]);
    expect(meanOf(cells[1])).toBe(0);
  });
  it('orders studies by name and cell types by how many of their cells express the gene', () => {
    const grid = acrossGrid(cells, 'CD3E');
    expect(grid.studies.map((s) => s.name)).toEqual(['Airway', 'Blood']);
    expect(grid.types).toEqual(['T', 'B']);
    const scene = drawAcross(grid, 'CD3E', ON_PAPER, 900);
    const dots = scene.marks.filter((m) => m.data?.type !== undefined);
    expect(dots.map((m) => [m.data?.study, m.data?.type, m.data?.rate])).toEqual([['Blood', 'T', 0.25], ['Blood', 'B', 0], ['Airway', 'T', 0.8]]);
    expect(dots[0].id).toBe('dataset s1 d2');
    expect(frame.fact('gene', 'lost')).toBeNull();
  });
});

describe('genes that fit best', () => {
  const hit = (symbol: string, aliases: string[] = [], n_studies = 1) => ({ id: `ENSG-${symbol}`, symbol, aliases, n_studies });
  it('equal ones first, then those that begin with the text, then aliases', () => {
    const found = bestGenes([hit('CD38'), hit('SLAMF7', ['CD319']), hit('CD3E', [], 2), hit('X', ['CD3']), hit('CD3', ['T3'])], 'cd3', 4);
    expect(found.map((h) => h.symbol)).toEqual(['CD3', 'X', 'CD3E', 'CD38']);
  });
});
