/** What is plotted, what it is coloured by, and the tools. */

import type { ReactNode, RefObject } from 'react';
import type { TableRecord } from '../../api/types';
import { embeddingTitle } from '../../data/words';
import type { Tool } from '../../render/gestures';
import { Button, Field } from '../../views/controls';
import { Popover } from '../../views/overlays';
import { FeatureSearch } from './FeatureSearch';
import type { PlotHandle } from './Plot';
import type { ExplorerState } from './useExplorer';

interface Props {
  state: ExplorerState;
  datasetId: string;
  table: TableRecord;
  tool: Tool;
  onTool: (tool: Tool) => void;
  plot: RefObject<PlotHandle | null>;
  searchRef: RefObject<HTMLInputElement | null>;
  /** Saves what is plotted. */
  menu: ReactNode;
}

export function Toolbar({ state, datasetId, table, tool, onTool, plot, searchRef, menu }: Props) {
  const { setView, color } = state;
  const nDims = state.embeddingRecord?.n_dims ?? 2;
  return (
    <div className="toolbar" role="toolbar" aria-label="Plot">
      <select className="input" aria-label="Embedding" value={state.embeddingName ?? ''} onChange={(e) => setView({ embedding: e.target.value, dims: [0, 1] })}>
        {table.embeddings.map((e) => <option key={e.id} value={e.name}>{embeddingTitle(e.name)}</option>)}
      </select>
      {nDims > 2 && <DimSelects state={state} nDims={nDims} />}
      <span className="muted">coloured by</span>
      <select
        className="input"
        style={{ maxWidth: 180 }}
        aria-label="Colour by an annotation"
        value={color?.by === 'column' ? color.name : ''}
        onChange={(e) => setView({ color: { by: 'column', name: e.target.value } })}
      >
        {color?.by !== 'column' && <option value="">Annotation…</option>}
        {table.columns.filter((c) => c.kind !== 'text').map((c) => <option key={c.id} value={c.name}>{c.name}</option>)}
      </select>
      <span className="muted">or</span>
      <div style={{ width: 190 }}>
        <FeatureSearch datasetId={datasetId} tableName={table.name} current={color?.by === 'feature' ? color.name : ''} inputRef={searchRef} onTake={(symbol) => setView({ color: { by: 'feature', name: symbol } })} />
      </div>
      <span className="grow" />
      <div className="segments" role="group" aria-label="Tool">
        <Button icon="pan" label="Move (m)" aria-pressed={tool === 'pan'} onClick={() => onTool('pan')} />
        <Button icon="lasso" label="Lasso (l)" aria-pressed={tool === 'lasso'} onClick={() => onTool('lasso')} />
        <Button icon="rectangle" label="Rectangle (r)" aria-pressed={tool === 'rectangle'} onClick={() => onTool('rectangle')} />
      </div>
      <Button icon="fit" label="Fit all cells (f)" onClick={() => plot.current?.fit()} />
      <Popover label="Drawing" icon="more">
        {() => <Drawing state={state} />}
      </Popover>
      {menu}
    </div>
  );
}

function DimSelects({ state, nDims }: { state: ExplorerState; nDims: number }) {
  const { dims, setView } = state;
  // of what was chosen, not of what is drawn yet: the coordinates may still be on their way
  const choose = (axis: 0 | 1, value: number) => setView((now) => ({ dims: axis === 0 ? [value, now.dims[1]] : [now.dims[0], value] }));
  return (
    <>
      {([0, 1] as const).map((axis) => (
        <select key={axis} className="input" aria-label={axis === 0 ? 'Horizontal dimension' : 'Vertical dimension'} value={dims[axis]} onChange={(e) => choose(axis, Number(e.target.value))}>
          {Array.from({ length: nDims }, (_, i) => <option key={i} value={i}>{i + 1}</option>)}
        </select>
      ))}
    </>
  );
}

function Drawing({ state }: { state: ExplorerState }) {
  const { view, setView } = state;
  return (
    <div className="stack">
      <Field label="Draw cells as" help="By itself, many cells in view become a density picture; zoom in and they are points again.">
        <select className="input small" value={view.mode} onChange={(e) => setView({ mode: e.target.value as typeof view.mode })}>
          <option value="auto">What suits their number</option>
          <option value="points">Points</option>
          <option value="density">Density</option>
        </select>
      </Field>
      <Field label="Size of points">
        <select className="input small" value={view.size} onChange={(e) => setView({ size: Number(e.target.value) })}>
          <option value={0}>By the number of cells</option>
          {[1, 2, 3, 4, 6, 8].map((s) => <option key={s} value={s}>{s} pixels</option>)}
        </select>
      </Field>
    </div>
  );
}
