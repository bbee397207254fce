/** All genes of a comparison: a table that is sorted, filtered and downloaded, beside the volcano. */

import { useCallback, useMemo, useState } from 'react';
import { comparisonFileUrl } from '../../../api/analyses';
import type { ComparisonRecord } from '../../../api/analysisTypes';
import { toCsv } from '../../../data/csv';
import type { Frame } from '../../../data/frames';
import { literal } from '../../../data/python';
import { nameFilter, orderByNumbers, orderByTexts, rowsThat } from '../../../data/ranking';
import { selectionText } from '../../../data/selections';
import { callOf, volcanoPoints, type Cuts } from '../../../data/volcano';
import { count, number } from '../../../data/words';
import type { Ink } from '../../../render/figure/scene';
import { drawVolcano } from '../../../render/figure/volcano';
import { useComparison } from '../../../state/analyses';
import { useViewState } from '../../../state/viewState';
import { DataTable, type Sorting, type TableColumn } from '../../../views/DataTable';
import { Figure } from '../../../views/figure/Figure';
import { Loaded } from '../../../views/states';
import { placeLine, tableCode } from '../place';
import type { ViewProps } from '../registry';

type Props = ViewProps & { comparison: ComparisonRecord };

const INITIAL = { find: '', p: '0.05', change: '1', sort: 'pAdjusted', down: false, only: 'all' };
const STATISTIC: Record<string, string> = { wilcoxon: 'z', 't-test': 't', pseudobulk: 'Wald' };

export function CompareResult(props: Props) {
  const query = useComparison(props.dataset.id, props.table.name, props.comparison.id);
  return (
    <Loaded query={query} rows={8}>
      {(frame) => <Result {...props} frame={frame} />}
    </Loaded>
  );
}

/** The columns of the frame, taken out once. */
function useGenes(frame: Frame) {
  return useMemo(() => {
    const texts = (name: string) => frame.texts(name);
    const numbers = (name: string) => frame.numbers(name);
    return {
      n: frame.length,
      feature: texts('feature'),
      id: texts('feature_id'),
      change: numbers('log2_fold_change'),
      statistic: numbers('statistic'),
      p: numbers('p'),
      pAdjusted: numbers('p_adjusted'),
      meanFirst: numbers('mean_first'),
      meanSecond: numbers('mean_second'),
      shareFirst: numbers('share_first'),
      shareSecond: numbers('share_second'),
    };
  }, [frame]);
}

type Genes = ReturnType<typeof useGenes>;

function columnsOf(genes: Genes, method: string, sides: [string, string]): (TableColumn & { values?: Float64Array })[] {
  const num = (key: string, title: string, values: Float64Array, spell: (v: number) => string, help: string, width = 72) => ({
    key, title, help, num: true, width, values, cell: (row: number) => (Number.isNaN(values[row]) ? '–' : spell(values[row])),
  });
  const percent = (v: number) => (100 * v).toFixed(1);
  const small = (v: number) => (v === 0 ? '< 1e-307' : v < 0.001 ? v.toExponential(1) : v.toFixed(3));
  return [
    { key: 'feature', title: 'Gene', width: 112, cell: (row) => <span title={genes.id[row]}>{genes.feature[row]}</span> },
    num('change', 'log2 FC', genes.change, (v) => v.toFixed(2), 'log2 of the mean in the first over the mean in the second'),
    num('statistic', STATISTIC[method] ?? 'statistic', genes.statistic, (v) => v.toFixed(2), 'Statistic of the test; above zero = more in the first', 64),
    num('pAdjusted', 'adjusted p', genes.pAdjusted, small, 'p-value, corrected for all genes by Benjamini and Hochberg', 100),
    num('shareFirst', '% first', genes.shareFirst, percent, `Cells with a count in: ${sides[0]}`),
    num('shareSecond', '% second', genes.shareSecond, percent, `Cells with a count in: ${sides[1]}`, 86),
    num('p', 'p', genes.p, small, 'p-value of the test', 88),
    num('meanFirst', 'mean first', genes.meanFirst, number, `Mean in: ${sides[0]}`, 92),
    num('meanSecond', 'mean second', genes.meanSecond, number, `Mean in: ${sides[1]}`, 104),
  ];
}

function Result({ study, dataset, table, state, comparison, frame }: Props & { frame: Frame }) {
  const genes = useGenes(frame);
  const [chosen, change] = useViewState('genes-compared', INITIAL);
  const [picked, setPicked] = useState<number | null>(null);
  const sides = useMemo((): [string, string] => [selectionText(comparison.first), selectionText(comparison.second)], [comparison]);
  const cuts: Cuts = useMemo(() => ({ p: chosen.p === '' ? 1 : Number(chosen.p), change: Number(chosen.change) || 0 }), [chosen.p, chosen.change]);
  const columns = useMemo(() => columnsOf(genes, comparison.method, sides), [genes, comparison.method, sides]);
  const called = useMemo(() => {
    const calls = { first: 0, second: 0, neither: 0 };
    for (let i = 0; i < genes.n; i++) calls[callOf(genes.change[i], genes.pAdjusted[i], cuts)]++;
    return calls;
  }, [genes, cuts]);
  const rows = useMemo(() => {
    const named = nameFilter(chosen.find);
    const passing = rowsThat(genes.n, (i) => (!named || named(genes.feature[i], genes.id[i])) && (chosen.only === 'all' || callOf(genes.change[i], genes.pAdjusted[i], cuts) === chosen.only));
    const values = columns.find((c) => c.key === chosen.sort)?.values;
    return values ? orderByNumbers(passing, values, chosen.down) : orderByTexts(passing, genes.feature, chosen.down);
  }, [genes, columns, chosen, cuts]);
  const pick = (row: number) => {
    setPicked(row);
    state.setView({ color: { by: 'feature', name: genes.feature[row] } });
  };
  const sort = ({ key, descending }: Sorting) => change({ sort: key, down: descending });
  return (
    <div className="compared">
      <div className="compared-table">
        <div className="row wrap compared-filters">
          <input className="input small" style={{ width: 190 }} type="search" aria-label="Find genes" placeholder="Gene, or a list of genes" value={chosen.find} onChange={(e) => change({ find: e.target.value })} />
          <select className="input small" style={{ width: 'auto' }} aria-label="Which genes" value={chosen.only} onChange={(e) => change({ only: e.target.value })}>
            <option value="all">All genes</option>
            <option value="first">Higher in the first</option>
            <option value="second">Higher in the second</option>
          </select>
          <label className="row small" style={{ gap: 4 }} title="Largest adjusted p-value of a gene that stands out">p ≤ <input className="input small num" style={{ width: 64 }} aria-label="Largest adjusted p" inputMode="decimal" value={chosen.p} onChange={(e) => change({ p: e.target.value })} /></label>
          <label className="row small" style={{ gap: 4 }} title="Smallest absolute log2 fold change of a gene that stands out">|log2 FC| ≥ <input className="input small num" style={{ width: 52 }} aria-label="Smallest fold change" inputMode="decimal" value={chosen.change} onChange={(e) => change({ change: e.target.value })} /></label>
          <span className="grow" />
          {(['csv', 'xlsx'] as const).map((format) => <a key={format} className="button small" href={comparisonFileUrl(dataset.id, table.name, comparison.id, format)} download>{format === 'csv' ? 'CSV' : 'Excel'}</a>)}
        </div>
        <DataTable label="Genes compared" columns={columns} rows={rows} sorting={{ key: chosen.sort, descending: chosen.down }} onSort={sort} current={picked} onPick={pick} empty="No gene passes: loosen the limits or the search." />
        <p className="small muted compared-count" role="status">
          {count(rows.length)} of {count(genes.n)} genes · {count(called.first)} higher in {sides[0]}, {count(called.second)} higher in {sides[1]}
        </p>
        {(comparison.notes ?? []).map((note) => <p key={note} className="small muted compared-count">{note}</p>)}
      </div>
      <Volcano study={study} dataset={dataset} table={table} comparison={comparison} genes={genes} sides={sides} cuts={cuts} picked={picked} onPick={pick} />
    </div>
  );
}

type VolcanoProps = Pick<Props, 'study' | 'dataset' | 'table' | 'comparison'> & { genes: Genes; sides: [string, string]; cuts: Cuts; picked: number | null; onPick: (row: number) => void };

function Volcano({ study, dataset, table, comparison, genes, sides, cuts, picked, onPick }: VolcanoProps) {
  const points = useMemo(() => volcanoPoints(genes.change, genes.pAdjusted, genes.shareFirst.map((v, i) => Math.min(v, genes.shareSecond[i]))), [genes]);
  const draw = useCallback(
    (ink: Ink, width: number, height: number) => drawVolcano({ points, names: genes.feature, pAdjusted: genes.pAdjusted, cuts, sides, chosen: picked }, ink, width, height),
    [points, genes, cuts, sides, picked],
  );
  const csv = () => toCsv(['feature', 'feature_id', 'log2_fold_change', 'p_adjusted'], genes.feature.map((name, i) => [name, genes.id[i], genes.change[i], genes.pAdjusted[i]]));
  const code = `${tableCode(dataset, table)}\ngenes = table.comparison(${literal(comparison.id)})\nprint(genes.sort_values("p").head(20))\n`;
  return (
    <Figure
      title={`${sides[0]} compared with ${sides[1]}`}
      lines={[placeLine(study, dataset, table), `${count(comparison.n_first)} and ${count(comparison.n_second)} cells, ${comparison.method}`]}
      name={`volcano of ${comparison.name || comparison.id}`}
      label={`Volcano plot of ${count(genes.n)} genes: log2 fold change against the adjusted p-value`}
      draw={draw}
      csv={csv}
      code={code}
      onPick={(id) => onPick(Number(id))}
      help={
        <>
          <p>Each point is a gene. Further right: more in the first cells; further left: more in the second. Higher: surer.</p>
          <p>Coloured are the genes that pass both limits. Cells are not replicates: with several samples a side, pseudobulk tells what holds beyond them.</p>
        </>
      }
    />
  );
}
