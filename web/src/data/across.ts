/** The expression of genes in the cell types of several studies: rows of the server, put in order. */

import type { Frame } from './frames';

export interface AcrossCell {
  gene: string;
  studyId: string;
  study: string;
  /** Of the dataset with most cells of the type. */
  datasetId: string;
  cellType: string;
  sum: number;
  /** Cells that express the gene, and all cells of the type. */
  count: number;
  total: number;
}

export const meanOf = (c: AcrossCell) => (c.count ? c.sum / c.count : 0);
export const rateOf = (c: AcrossCell) => (c.total ? c.count / c.total : 0);

/** One entry for each gene, study and cell type; the datasets of a study are taken together. */
export function acrossCells(frame: Frame): AcrossCell[] {
  const [gene, studyId, study, datasetId, cellType] = ['gene', 'study_id', 'study', 'dataset_id', 'cell_type'].map((name) => frame.texts(name));
  const [sum, count, total] = ['sum', 'count', 'total'].map((name) => frame.numbers(name));
  const found = new Map<string, AcrossCell & { most: number }>();
  for (let i = 0; i < frame.length; i++) {
    const key = JSON.stringify([gene[i], studyId[i], cellType[i]]);
    const known = found.get(key);
    if (!known) {
      found.set(key, { gene: gene[i], studyId: studyId[i], study: study[i], datasetId: datasetId[i], cellType: cellType[i], sum: sum[i], count: count[i], total: total[i], most: total[i] });
      continue;
    }
    known.sum += sum[i];
    known.count += count[i];
    known.total += total[i];
    if (total[i] > known.most) [known.most, known.datasetId] = [total[i], datasetId[i]];
  }
  return [...found.values()];
}

export interface AcrossGrid {
  studies: { id: string; name: string }[];
  types: string[];
  cells: AcrossCell[];
}

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

/** Studies × cell types of one gene: studies by name, types by how many of their cells express it, all studies together. */
export function acrossGrid(all: AcrossCell[], gene: string): AcrossGrid {
  const cells = all.filter((c) => c.gene === gene);
  const studies = [...new Map(cells.map((c) => [c.studyId, { id: c.studyId, name: c.study }])).values()];
  const byType = new Map<string, { count: number; total: number }>();
  for (const c of cells) {
    const t = byType.get(c.cellType) ?? { count: 0, total: 0 };
    byType.set(c.cellType, { count: t.count + c.count, total: t.total + c.total });
  }
  const rate = (name: string) => (byType.get(name)?.count ?? 0) / Math.max(1, byType.get(name)?.total ?? 1);
  const types = [...byType.keys()].sort((a, b) => rate(b) - rate(a) || collator.compare(a, b));
  return { studies: studies.sort((a, b) => collator.compare(a.name, b.name)), types, cells };
}

/** Genes whose symbol, id or alias fits best come first. */
export function bestGenes<T extends { id: string; symbol: string; aliases: string[]; n_studies: number }>(hits: T[], text: string, limit: number): T[] {
  const wanted = text.trim().toLowerCase();
  const rank = (hit: T) => {
    const symbol = hit.symbol.toLowerCase();
    if (symbol === wanted || hit.id.toLowerCase() === wanted) return 0;
    if (hit.aliases.some((a) => a.toLowerCase() === wanted)) return 1;
    if (symbol.startsWith(wanted)) return 2;
    return hit.aliases.some((a) => a.toLowerCase().startsWith(wanted)) ? 3 : 4;
  };
  return hits
    .map((hit) => ({ hit, r: rank(hit) }))
    .sort((a, b) => a.r - b.r || b.hit.n_studies - a.hit.n_studies || a.hit.symbol.length - b.hit.symbol.length || collator.compare(a.hit.symbol, b.hit.symbol))
    .slice(0, limit)
    .map(({ hit }) => hit);
}
