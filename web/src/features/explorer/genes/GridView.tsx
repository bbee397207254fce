/** Genes in groups of cells, as dots or as a heat map: chosen genes, else the best markers of each group. */

import { useQuery } from '@tanstack/react-query';
import { useCallback, useMemo } from 'react';
import type { MapName } from '../../../data/colors';
import { toCsv } from '../../../data/csv';
import { scaled, topMarkers, unique, type GroupRow, type Scaling } from '../../../data/summary';
import { isApiError } from '../../../api/http';
import { drawGrid } from '../../../render/figure/grid';
import type { Ink } from '../../../render/figure/scene';
import { markersQuery, summaryQuery, useSamples } from '../../../state/queries';
import { useViewState } from '../../../state/viewState';
import { Field } from '../../../views/controls';
import { Figure } from '../../../views/figure/Figure';
import { Popover } from '../../../views/overlays';
import { Empty, ErrorNote, Skeleton } from '../../../views/states';
import { GroupSelect } from '../controls';
import { ParameterField } from '../ParameterField';
import { placeLine } from '../place';
import type { ViewProps } from '../registry';
import { NoCells, ScopeLine, scopeText, useScope } from '../scope';
import { ATTRIBUTE, titleOf } from '../shared';
import { FindMarkers } from './FindMarkers';
import { gridCode } from './code';
import { GeneList } from './GeneList';
import { unitOf } from './unit';

const MOST_GENES = 200;

export interface GridState {
  scale: string;
  map: string;
  threshold: number;
  /** Markers of each group, where no gene is chosen. */
  markers: number;
}

const isScaling = (text: string): text is Scaling => ['none', 'gene', 'z'].includes(text);

interface Props extends ViewProps {
  id: string;
  shape: 'dots' | 'cells';
  initial: GridState;
}

export function GridView({ study, dataset, table, state, shared, id, shape, initial }: Props) {
  const [chosen, change] = useViewState(id, initial);
  const attributes = useSamples(study.id).data?.attributes;
  const isOwn = shared.genes.length > 0;
  const canHaveMarkers = shared.group !== '' && !shared.group.startsWith(ATTRIBUTE);
  const markers = useQuery({ ...markersQuery(dataset.id, table.name, shared.group, 20, dataset.data_version), enabled: !isOwn && canHaveMarkers });
  const best = useMemo(() => topMarkers(markers.data ?? [], chosen.markers), [markers.data, chosen.markers]);
  const genes = (isOwn ? shared.genes : best.map((m) => m.feature)).slice(0, MOST_GENES);
  const asked = { features: genes, group: shared.group, threshold: chosen.threshold || undefined, version: dataset.data_version };
  const scope = useScope(state, shared, table);
  const summary = useQuery({ ...summaryQuery(dataset.id, table.name, asked, scope.asked), enabled: genes.length > 0 && !scope.pending && scope.n > 0 });
  const lacksMarkers = !isOwn && isApiError(markers.error) && markers.error.status === 404;
  const scaling: Scaling = isScaling(chosen.scale) ? chosen.scale : 'none';
  const map: MapName = scaling === 'z' ? 'diverging' : chosen.map === 'cividis' ? 'cividis' : 'viridis';
  const error = summary.error ?? (lacksMarkers ? null : markers.error);
  return (
    <div className="view">
      <div className="toolbar" role="toolbar" aria-label={shape === 'dots' ? 'Dot plot' : 'Heat map'}>
        <GeneList datasetId={dataset.id} tableName={table.name} genes={shared.genes} onGenes={shared.setGenes} none={best.length ? `The best ${chosen.markers} markers of each group, or` : 'Genes:'} />
        <GroupSelect table={table} shared={shared} attributes={attributes} />
        <select className="input" aria-label="Colours" value={scaling} onChange={(e) => change({ scale: e.target.value })}>
          <option value="none">Means as they are</option>
          <option value="gene">Each gene from 0 to 1</option>
          <option value="z">Each gene as z-score</option>
        </select>
        <Popover label="Settings of the figure" icon="more">
          {() => (
            <div className="stack" style={{ width: 260 }}>
              <ParameterField analysis="summary" parameter="threshold" value={chosen.threshold} onChange={(threshold) => change({ threshold })} />
              <Field label="Markers of each group" help="Where no gene is chosen, so many of the best markers of each group are shown, each once.">
                <select className="input small" value={chosen.markers} onChange={(e) => change({ markers: Number(e.target.value) })}>
                  {[2, 3, 5, 10, 20].map((n) => <option key={n} value={n}>{n} genes</option>)}
                </select>
              </Field>
              <Field label="Colour map" help="Z-scores take the diverging map, whose middle is the mean.">
                <select className="input small" disabled={scaling === 'z'} value={chosen.map} onChange={(e) => change({ map: e.target.value })}>
                  <option value="viridis">Viridis</option>
                  <option value="cividis">Cividis</option>
                </select>
              </Field>
            </div>
          )}
        </Popover>
      </div>
      <ScopeLine scope={scope} shared={shared} />
      {scope.n === 0 ? (
        <NoCells />
      ) : error ? (
        <ErrorNote error={error} />
      ) : genes.length === 0 && (lacksMarkers || markers.data || !canHaveMarkers) ? (
        <Empty title="Which genes?" action={lacksMarkers && study.permissions.includes('analysis.run') ? <FindMarkers dataset={dataset} table={table} column={shared.group} /> : undefined}>
          Add some above, such as CD3E and LYZ. Where markers were computed for an annotation, its best are shown by themselves.
        </Empty>
      ) : summary.data ? (
        <GridFigure
          rows={summary.data}
          genes={unique(summary.data.map((r) => r.feature))}
          markerOf={isOwn ? undefined : best}
          shape={shape}
          scaling={scaling}
          map={map}
          group={titleOf(shared.group)}
          unit={unitOf(table)}
          place={placeLine(study, dataset, table, scopeText(scope))}
          code={gridCode({ dataset, table, genes, by: shared.group, shape, scaling, threshold: chosen.threshold, selection: scope.asked.selection })}
        />
      ) : (
        <Skeleton rows={6} />
      )}
    </div>
  );
}

interface FigureParts {
  rows: GroupRow[];
  genes: string[];
  markerOf?: { group: string; feature: string }[];
  shape: 'dots' | 'cells';
  scaling: Scaling;
  map: MapName;
  group: string;
  unit: string;
  place: string;
  code: string;
}

function GridFigure({ rows, genes, markerOf, shape, scaling, map, group, unit, place, code }: FigureParts) {
  const draw = useCallback(
    (ink: Ink, width: number) => drawGrid({ rows, genes: unique(rows.map((r) => r.feature)), shape, scaling, map, unit, markerOf: markerOf && new Map(markerOf.map((m) => [m.feature, m.group])) }, ink, width),
    [rows, shape, scaling, map, unit, markerOf],
  );
  const csv = () => {
    const groups = unique(rows.map((r) => r.group));
    const shown = new Map(genes.map((gene) => [gene, scaled(groups.map((g) => rows.find((r) => r.feature === gene && r.group === g)?.mean ?? NaN), scaling)]));
    return toCsv(
      ['gene', group, 'n_cells', 'mean', 'share_expressing', 'mean_shown'],
      rows.map((r) => [r.feature, r.group, r.n, r.mean, r.share, shown.get(r.feature)?.[groups.indexOf(r.group)]]),
    );
  };
  const what = genes.length > 6 ? `${genes.length} genes` : genes.join(', ');
  const kind = shape === 'dots' ? 'Dot plot' : 'Heat map';
  return (
    <Figure
      title={`${markerOf ? 'Markers' : what} by ${group}`}
      lines={[place, unit]}
      name={`${kind.toLowerCase()} by ${group}`}
      label={`${kind} of ${what} in ${unique(rows.map((r) => r.group)).length} groups of ${group}`}
      draw={draw}
      csv={csv}
      code={code}
      help={
        shape === 'dots' ? (
          <>
            <p>The colour of a dot is the mean over all cells of the group, zeros included; its area is the share of the cells that express the gene.</p>
            <p>Scaled gene by gene, colours can be compared along a column only.</p>
          </>
        ) : (
          <>
            <p>Each field is the mean of one gene over all cells of one group, zeros included.</p>
            <p>A z-score is the distance from the mean of the groups’ means in their standard deviations; scaled gene by gene, colours can be compared along a column only.</p>
          </>
        )
      }
    />
  );
}
