/** The cells as points: toolbar above, plot in the middle, legend and filters at the right. */

import { useEffect, useMemo, useRef, useState } from 'react';
import { selectWithin } from '../../../data/lasso';
import { offerShortcuts } from '../../../state/keyboard';
import { tellError } from '../../../state/notices';
import type { Combine, Tool } from '../../../render/gestures';
import { Empty, ErrorNote } from '../../../views/states';
import { annotationActions } from '../annotations';
import { ColorPanel } from '../ColorPanel';
import { FilterPanel } from '../FilterPanel';
import { saveFigure } from '../figure';
import { Plot, type PlotHandle } from '../Plot';
import { DraftPanel, PopulationDialog, SelectionBar, type Draft } from '../Populations';
import type { ViewProps } from '../registry';
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

export function CellsView({ study, dataset, table, state }: ViewProps) {
  const plot = useRef<PlotHandle>(null);
  const search = useRef<HTMLInputElement>(null);
  const [tool, setTool] = useState<Tool>('pan');
  const [openFilters, setOpenFilters] = useState<string[]>([]);
  const [adding, setAdding] = useState(false);
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
      <Toolbar state={state} datasetId={dataset.id} table={table} tool={tool} onTool={setTool} plot={plot} searchRef={search} onPicture={() => void saveFigure(plot.current, state, [study.name, dataset.name]).catch(tellError)} />
      <div style={{ position: 'relative', display: 'grid', minHeight: 0 }}>
        <Plot ref={plot} state={state} datasetId={dataset.id} tableName={table.name} tool={tool} onOutline={onOutline} />
        {state.error ? (
          <div style={{ position: 'absolute', left: 16, right: 16, top: 16 }}>
            <ErrorNote error={state.error} />
          </div>
        ) : null}
        <SelectionBar state={state} mayAnnotate={study.permissions.includes('annotation.edit')} onAdd={() => setAdding(true)} />
      </div>
      <aside className="side" aria-label="Inspector">
        {draft && <DraftPanel draft={draft} actions={actions} onDraft={setDraft} onSaved={onSaved} onError={tellError} />}
        <ColorPanel key={state.color?.name} state={state} study={study} record={record} actions={actions} />
        <FilterPanel state={state} table={table} open={openFilters} onOpen={setOpenFilters} />
      </aside>
      {adding && state.selection && (
        <PopulationDialog draft={draft} taken={table.columns.map((c) => c.name)} chosen={state.selection.toIndices()} actions={actions} onDraft={setDraft} onSaved={onSaved} onClose={() => setAdding(false)} />
      )}
    </div>
  );
}
