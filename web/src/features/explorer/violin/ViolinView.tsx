/** How the values of genes spread in each group of cells. */

import { useQueries, useQuery } from '@tanstack/react-query';
import { useCallback, useMemo } from 'react';
import { toCsv } from '../../../data/csv';
import type { GroupRow } from '../../../data/summary';
import type { Ink } from '../../../render/figure/scene';
import { drawViolins, type GeneViolins } from '../../../render/figure/violins';
import { summaryQuery, useSamples, violinsQuery } from '../../../state/queries';
import { useViewState } from '../../../state/viewState';
import { Figure } from '../../../views/figure/Figure';
import { Popover } from '../../../views/overlays';
import { Empty, ErrorNote, Skeleton } from '../../../views/states';
import { Control, GroupSelect } from '../controls';
import { GeneList } from '../genes/GeneList';
import { unitOf } from '../genes/unit';
import { useGroupColors } from '../genes/useGroupColors';
import { ParameterField } from '../ParameterField';
import { placeLine } from '../place';
import type { ViewProps } from '../registry';
import { NoCells, ScopeLine, scopeText, useScope } from '../scope';
import { groupings, titleOf } from '../shared';
import { violinCode } from './code';

const INITIAL = { split: '', bandwidth: 1 };
const MOST_GENES = 12;

export default function ViolinView({ study, dataset, table, state, shared }: ViewProps) {
  const [chosen, change] = useViewState('violin', INITIAL);
  const colored = state.color?.by === 'feature' ? [state.color.name] : [];
  const genes = (shared.genes.length ? shared.genes : colored).slice(0, MOST_GENES);
  const attributes = useSamples(study.id).data?.attributes;
  const split = groupings(table).some((c) => c.name === chosen.split && c.name !== shared.group) ? chosen.split : '';
  const scope = useScope(state, shared, table);
  const asked = { group: shared.group, split, version: dataset.data_version };
  const summary = useQuery({ ...summaryQuery(dataset.id, table.name, { features: genes, ...asked }, scope.asked), enabled: genes.length > 0 && !scope.pending && scope.n > 0 });
  const violins = useQueries({ queries: genes.map((feature) => ({ ...violinsQuery(dataset.id, table.name, { feature, bandwidth: chosen.bandwidth, ...asked }, scope.asked), enabled: !scope.pending && scope.n > 0 })) });
  const colors = useGroupColors(dataset, table, split || shared.group);
  const error = summary.error ?? violins.find((v) => v.error)?.error;
  const rows = summary.data;
  const isWhole = rows !== undefined && violins.every((v) => v.data);
  return (
    <div className="view">
      <div className="toolbar" role="toolbar" aria-label="Violins">
        <GeneList datasetId={dataset.id} tableName={table.name} genes={genes} onGenes={shared.setGenes} none="Genes:" />
        <GroupSelect table={table} shared={shared} attributes={attributes} />
        <Control label="split by" help="Divides each group by a second annotation">
          <select className="input" style={{ maxWidth: 150 }} aria-label="Split groups by" value={split} onChange={(e) => change({ split: e.target.value })}>
            <option value="">nothing</option>
            {groupings(table).filter((c) => c.name !== shared.group && (c.n_categories ?? 0) <= 12).map((c) => <option key={c.id} value={c.name}>{c.name}</option>)}
          </select>
        </Control>
        <Popover label="Settings of the violins" icon="more">
          {() => <ParameterField analysis="densities" parameter="bandwidth" value={chosen.bandwidth} onChange={(bandwidth) => change({ bandwidth })} />}
        </Popover>
      </div>
      <ScopeLine scope={scope} shared={shared} />
      {genes.length === 0 ? (
        <Empty title="Which genes?">Add one above, such as CD3E. Violins then show how its values spread in each group of cells; the genes stay chosen for dots and heat maps.</Empty>
      ) : scope.n === 0 ? (
        <NoCells />
      ) : error ? (
        <ErrorNote error={error} />
      ) : isWhole ? (
        <ViolinFigure
          genes={genes.map((gene, i) => ({ gene, violins: violins[i].data ?? [] }))}
          rows={rows}
          colors={colors}
          by={[titleOf(shared.group), split]}
          unit={unitOf(table)}
          place={placeLine(study, dataset, table, scopeText(scope))}
          code={violinCode({ dataset, table, genes, by: shared.group, split, bandwidth: chosen.bandwidth, selection: scope.asked.selection })}
        />
      ) : (
        <Skeleton rows={6} />
      )}
    </div>
  );
}

interface FigureParts {
  genes: GeneViolins[];
  rows: GroupRow[];
  colors: Map<string, string>;
  by: [string, string];
  unit: string;
  place: string;
  code: string;
}

function ViolinFigure({ genes, rows, colors, by, unit, place, code }: FigureParts) {
  const [group, split] = by;
  const signature = genes.map((g) => g.gene).join(' ');
  // the arrays of each gene never change under its name, group and split
  // eslint-disable-next-line react-hooks/exhaustive-deps
  const held = useMemo(() => genes, [signature, rows, genes[0]?.violins]);
  const draw = useCallback(
    (ink: Ink, width: number, height: number) => drawViolins({ genes: held, rows, colors, split: split || null, unit }, ink, width, height),
    [held, rows, colors, split, unit],
  );
  const csv = () =>
    toCsv(
      ['gene', group, ...(split ? [split] : []), 'n_cells', 'mean', 'share_expressing', 'min', 'q25', 'median', 'q75', 'max'],
      rows.map((r) => [r.feature, r.group, ...(split ? [r.split] : []), r.n, r.mean, r.share, ...r.quantiles]),
    );
  const names = genes.map((g) => g.gene);
  return (
    <Figure
      title={`${names.join(', ')} by ${group}${split ? ` and ${split}` : ''}`}
      lines={[place, unit]}
      name={`violin of ${names.slice(0, 4).join(' ')} by ${group}`}
      label={`Violins of ${names.join(', ')} in the groups of ${group}: medians ${rows.slice(0, 30).map((r) => `${r.feature} in ${r.group} ${r.quantiles[2].toFixed(2)}`).join(', ')}`}
      draw={draw}
      csv={csv}
      code={code}
      help={
        <>
          <p>The outline tells how many cells have which value: wide where many do. The bar runs from the first to the third quartile, the circle is the median; cells without the gene count as zero.</p>
          <p>Densities are Gaussian kernels of Scott’s bandwidth, cut at the lowest and highest value; every violin is equally high at its highest, whatever its number of cells.</p>
        </>
      }
    />
  );
}
