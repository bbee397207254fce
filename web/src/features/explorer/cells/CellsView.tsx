/** The cells as points: toolbar above, plot in the middle, legend and filters at the right. */

import { useEffect, useMemo, useRef, useState } from 'react';
import { selectWithin } from '../../../data/lasso';
import { emptySide, filterSelection, type Selection } from '../../../data/selections';
import { count, embeddingTitle } from '../../../data/words';
import { drawMultiples } from '../../../render/figure/multiples';
import { pointsNote } from '../../../render/figure/points';
import type { Ink } from '../../../render/figure/scene';
import { useStore } from '../../../state/store';
import { shownTheme } from '../../../state/theme';
import { FigureMenu } from '../../../views/figure/FigureMenu';
import { offerShortcuts } from '../../../state/keyboard';
import { tellError } from '../../../state/notices';
import type { Combine, Tool } from '../../../render/gestures';
import { Empty, ErrorNote } from '../../../views/states';
import { LineagePanel } from '../../study/Lineage';
import { annotationActions } from '../annotations';
import { ColorPanel } from '../ColorPanel';
import { FilterPanel } from '../FilterPanel';
import { Plot, type PlotHandle } from '../Plot';
import { DraftPanel, PopulationDialog, SelectionBar, type Draft } from '../Populations';
import type { ViewProps } from '../registry';
import { cellsCode, cellsCsv, legendOf } from '../cellsFigure';
import { placeLine } from '../place';
import { SubsetDialog } from '../SubsetDialog';
import { Toolbar } from '../Toolbar';
import type { ExplorerState } from '../useExplorer';

/** The keys of the plot. */
function usePlotKeys(state: ExplorerState, plot: React.RefObject<PlotHandle | null>, search: React.RefObject<HTMLInputElement | null>, setTool: (tool: Tool) => void) {
  const { setSelection } = state;
  useEffect(
    () =>
      offerShortcuts([
        { keys: '/', title: 'Search a gene', run: () => search.current?.focus() },
        { keys: 'f', title: 'Fit all cells', run: () => plot.current?.fit() },
        { keys: 'l', title: 'Select with a lasso', run: () => setTool('lasso') },
        { keys: 'r', title: 'Select with a rectangle', run: () => setTool('rectangle') },
        { keys: 'm', title: 'Move the view', run: () => setTool('pan') },
        { keys: '+', title: 'Zoom in', run: () => plot.current?.zoom(1.4) },
        { keys: '-', title: 'Zoom out', run: () => plot.current?.zoom(1 / 1.4) },
        { keys: 'ArrowLeft', title: 'Move left', run: () => plot.current?.pan(60, 0) },
        { keys: 'ArrowRight', title: 'Move right', run: () => plot.current?.pan(-60, 0) },
        { keys: 'ArrowUp', title: 'Move up', run: () => plot.current?.pan(0, 60) },
        { keys: 'ArrowDown', title: 'Move down', run: () => plot.current?.pan(0, -60) },
        {
          keys: 'Escape',
          title: 'Clear the selection, put the lasso away',
          run: () => {
            setSelection(null);
            setTool('pan');
          },
        },
      ]),
    [plot, search, setSelection, setTool],
  );
}

export function CellsView(props: ViewProps) {
  const { study, dataset, table, state } = props;
  const plot = useRef<PlotHandle>(null);
  const search = useRef<HTMLInputElement>(null);
  const [tool, setTool] = useState<Tool>('pan');
  const [openFilters, setOpenFilters] = useState<string[]>([]);
  const [adding, setAdding] = useState(false);
  const [subset, setSubset] = useState<Selection | null>(null);
  const [draft, setDraft] = useState<Draft | null>(null);
  usePlotKeys(state, plot, search, setTool);
  const actions = useMemo(
    () => annotationActions({ studyId: study.id, datasetId: dataset.id, table: table.name, nCells: table.n_cells }),
    [study.id, dataset.id, table.name, table.n_cells],
  );
  const onOutline = (outline: number[], how: Combine) => {
    const { x, y, shown, selection, setSelection } = state;
    if (!x || !y) return;
    const drawn = selectWithin(x, y, outline, shown);
    const next = !selection || how === 'replace' ? drawn : how === 'add' ? selection.or(drawn) : selection.minus(drawn);
    setSelection(next.count() ? next : null);
    setTool('pan');
  };
  const onSaved = (name: string) => {
    state.setSelection(null);
    state.setView({ color: { by: 'column', name } });
  };
  const mayAddData = study.permissions.includes('file.upload');
  const onSubset = (selection: () => Selection | null) => (mayAddData ? () => setSubset(selection()) : undefined);
  const record = state.color?.by === 'column' ? (table.columns.find((c) => c.name === state.color?.name) ?? null) : null;
  if (table.embeddings.length === 0) {
    return (
      <Empty title="This table has no embedding">
        Cells need two coordinates to be drawn. Add the data again with ‘Compute’ under Embeddings, and a UMAP is made.
      </Empty>
    );
  }
  return (
    <div className="explorer">
      <Toolbar state={state} datasetId={dataset.id} table={table} tool={tool} onTool={setTool} plot={plot} searchRef={search} menu={<CellsMenu {...props} plot={plot} />} />
      <div style={{ position: 'relative', display: 'grid', minHeight: 0 }}>
        <Plot ref={plot} state={state} datasetId={dataset.id} tableName={table.name} tool={tool} onOutline={onOutline} />
        {state.error ? (
          <div style={{ position: 'absolute', left: 16, right: 16, top: 16 }}>
            <ErrorNote error={state.error} />
          </div>
        ) : null}
        <SelectionBar state={state} onAdd={() => setAdding(true)} onSubset={onSubset(() => ({ cells: Array.from(state.selection?.toIndices() ?? []) }))} compare={study.permissions.includes('analysis.run') ? comparing(props) : undefined} />
      </div>
      <aside className="side" aria-label="Inspector">
        {draft && <DraftPanel draft={draft} actions={actions} onDraft={setDraft} onSaved={onSaved} onError={tellError} />}
        <ColorPanel key={state.color?.name} state={state} study={study} record={record} actions={actions} place={{ datasetId: dataset.id, tableName: table.name }} />
        <FilterPanel state={state} table={table} open={openFilters} onOpen={setOpenFilters} onSubset={onSubset(() => filterSelection(state.view.filters, state.columns))} />
        <LineagePanel study={study} dataset={dataset} />
      </aside>
      {subset && <SubsetDialog study={study} dataset={dataset} table={table} selection={subset} n={'cells' in subset ? subset.cells.length : (state.shown?.count() ?? 0)} onClose={() => setSubset(null)} />}
      {adding && state.selection && (
        <PopulationDialog draft={draft} taken={table.columns.map((c) => c.name)} chosen={state.selection.toIndices()} actions={actions} mayShare={study.permissions.includes('annotation.edit')} onDraft={setDraft} onSaved={onSaved} onClose={() => setAdding(false)} />
      )}
    </div>
  );
}

/** Takes the selected cells as a side of a comparison: as the second where the first were selected here before. */
function comparing({ state, shared, open }: ViewProps) {
  const waits = shared.sides?.first.kind === 'cells' && shared.sides.first.cells.length > 0 && shared.sides.second.kind !== 'cells';
  const run = () => {
    const side = { ...emptySide('cells'), cells: Array.from(state.selection?.toIndices() ?? []) };
    shared.setSides(waits && shared.sides ? { ...shared.sides, second: side } : { first: side, second: emptySide('rest') });
    open('compare');
  };
  return { label: waits ? 'Compare with the first' : 'Compare', run };
}

function CellsMenu({ study, dataset, table, state, plot }: ViewProps & { plot: React.RefObject<PlotHandle | null> }) {
  const title = `${embeddingTitle(state.embeddingName ?? '')}, coloured by ${state.coloring.title}`;
  const onDark = useStore(shownTheme) === 'dark';
  const shown = state.shown ? state.shown.count() : state.n;
  const draw = (ink: Ink) => {
    const shownNow = plot.current?.marks(ink);
    return drawMultiples({ panels: shownNow ? [{ name: '', count: '', marks: shownNow.marks }] : [], width: shownNow?.width ?? 0, height: shownNow?.height ?? 0, columns: 1, ...legendOf(state, onDark) }, ink);
  };
  return (
    <FigureMenu
      compact
      title={title}
      lines={[placeLine(study, dataset, table), ...(shown < state.n ? [`${count(shown)} cells pass the filters`] : [])]}
      name={state.coloring.title || 'plot'}
      draw={draw}
      names={state.coloring.entries?.map((e) => e.label)}
      note={() => pointsNote(plot.current?.isPicture() ?? false)}
      csv={() => cellsCsv(dataset.id, table.name, state)}
      code={cellsCode(dataset, table, state)}
    />
  );
}
