/** What each group of cells consists of, as stacked bars: by an annotation, or over the samples of the study. */

import { useCallback } from 'react';
import { groupTotal, type Crosstab } from '../../../data/crosstab';
import { toCsv } from '../../../data/csv';
import { count } from '../../../data/words';
import { drawComposition } from '../../../render/figure/composition';
import type { Ink } from '../../../render/figure/scene';
import { useSamples } from '../../../state/queries';
import { useViewState } from '../../../state/viewState';
import { Segments } from '../../../views/controls';
import { Figure } from '../../../views/figure/Figure';
import { Empty, ErrorNote, Skeleton } from '../../../views/states';
import { Control, GroupSelect } from '../controls';
import { placeLine } from '../place';
import type { ViewProps } from '../registry';
import { NoCells, ScopeLine, scopeText, useScope } from '../scope';
import { ATTRIBUTE, groupings, titleOf } from '../shared';
import { compositionCode } from './code';
import { useComposition } from './useComposition';

const INITIAL = { of: '', over: '', as: 'share' };

export default function CompositionView({ study, dataset, table, state, shared }: ViewProps) {
  const [chosen, change] = useViewState('composition', INITIAL);
  const attributes = useSamples(study.id).data?.attributes ?? [];
  const columns = groupings(table);
  const by = chosen.over || shared.group;
  const of = columns.find((c) => c.name === chosen.of)?.name ?? columns.find((c) => c.name !== by && (c.n_categories ?? 0) > 1)?.name ?? by;
  const as = chosen.as === 'count' ? 'count' : 'share';
  const scope = useScope(state, shared, table);
  const isOverStudy = by.startsWith(ATTRIBUTE);
  const { tab, colors, error, nTables } = useComposition({ study, dataset, table, by, of, cells: scope.bits });
  if (!columns.length) return <Empty title="Nothing groups these cells yet">Select cells in the plot and name them, or add an annotation; bars then show what each group consists of.</Empty>;
  const over = (value: string) => change({ over: value });
  return (
    <div className="view">
      <div className="toolbar" role="toolbar" aria-label="Composition">
        <Control label="Divide by" help="Each bar is divided into the groups of this annotation">
          <select className="input" style={{ maxWidth: 260 }} aria-label="Divide bars by" value={of} onChange={(e) => change({ of: e.target.value })}>
            {columns.map((c) => <option key={c.id} value={c.name}>{c.name}</option>)}
          </select>
        </Control>
        <GroupSelect table={table} label="one bar for each" shared={{ ...shared, group: by, setGroup: (value) => (value.startsWith(ATTRIBUTE) ? over(value) : (over(''), shared.setGroup(value))) }}>
          <optgroup label="Over the study">
            <option value={`${ATTRIBUTE}dataset`}>dataset</option>
            <option value={`${ATTRIBUTE}sample`}>sample</option>
            {attributes.map((a) => <option key={a.id} value={`${ATTRIBUTE}${a.name}`}>{a.name}</option>)}
          </optgroup>
        </GroupSelect>
        <Segments label="Length of the bars" value={as} onChange={(value) => change({ as: value })} options={[{ value: 'share', label: 'Share' }, { value: 'count', label: 'Cells' }]} />
      </div>
      {isOverStudy && scope.narrowed !== null ? (
        <div className="scope-line small" role="status">All cells of the study: filters and selections of this table do not reach the others</div>
      ) : (
        <ScopeLine scope={scope} shared={shared} />
      )}
      {error ? (
        <ErrorNote error={error} />
      ) : !isOverStudy && scope.n === 0 ? (
        <NoCells />
      ) : tab && (isOverStudy || !scope.pending) ? (
        <CompositionFigure
          tab={tab}
          colors={colors}
          names={[titleOf(by), of]}
          as={as}
          place={nTables === null ? placeLine(study, dataset, table, scopeText(scope)) : `${study.name}, ${count(nTables)} datasets`}
          code={compositionCode({ study, dataset, table, by, of, as, selection: scope.asked.selection })}
        />
      ) : (
        <Skeleton rows={6} />
      )}
    </div>
  );
}

interface FigureParts {
  tab: Crosstab;
  colors: Map<string, string>;
  /** Of the bars, and of their parts. */
  names: [string, string];
  as: 'share' | 'count';
  place: string;
  code: string;
}

function CompositionFigure({ tab, colors, names, as, place, code }: FigureParts) {
  const [byName, of] = names;
  const draw = useCallback((ink: Ink, width: number) => drawComposition({ tab, colors, title: of, as }, ink, width), [tab, colors, of, as]);
  const total = tab.groups.reduce((sum, _, g) => sum + groupTotal(tab, g), 0);
  const csv = () => {
    const n = tab.categories.length;
    const rows = tab.groups.flatMap((group, g) => tab.categories.map((category, c) => [group, category, tab.counts[g * n + c], tab.counts[g * n + c] / groupTotal(tab, g)]));
    return toCsv([byName, of, 'n_cells', 'share'], rows);
  };
  return (
    <Figure
      title={`${of} in each ${byName}`}
      lines={[place, `${count(total)} cells have both`]}
      name={`composition of ${byName} by ${of}`}
      label={`Stacked bars: for ${tab.groups.length} groups of ${byName}, the ${as} of cells in each of ${tab.categories.length} groups of ${of}`}
      draw={draw}
      csv={csv}
      code={code}
      help={
        <>
          <p>One bar is one group; its colours tell how its cells spread over the groups of the other annotation. The number at the end of a bar is its cells.</p>
          <p>Cells without a value in either annotation are left out. Shares of few cells are uncertain: look at the number.</p>
        </>
      }
    />
  );
}
