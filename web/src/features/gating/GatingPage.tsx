/** The gating workspace of a study: files and populations at the left, plots and tables in the middle. */

import { useEffect, useRef, useState } from 'react';
import type { Gate } from '../../api/gating';
import type { Study } from '../../api/types';
import { toRedo } from '../../data/verbs';
import { changeGate, leaveNudges, redoLast, settleNudges, undoLast } from '../../state/gating/actions';
import { offerShortcuts } from '../../state/keyboard';
import { useRevisions } from '../../state/queries';
import { navigate } from '../../state/route';
import { Button, Icon, type IconName } from '../../views/controls';
import { Link } from '../../views/Link';
import { Empty, ErrorNote, Skeleton } from '../../views/states';
import type { GateTool } from '../../views/gating/GateLayer';
import { BoxesView } from './BoxesView';
import { CompensationView } from './compensation/CompensationView';
import { EventAnalyses } from './EventAnalyses';
import { FileList } from './FileList';
import { FilesView } from './files/FilesView';
import { GalleryView } from './GalleryView';
import { GateInspector } from './GateInspector';
import { HeatView } from './HeatView';
import { PasteDialog } from './PasteDialog';
import { PlotGrid } from './PlotGrid';
import { PopulationTree } from './PopulationTree';
import { StatisticsView } from './StatisticsView';
import { useClipboardKeys } from './clipboard';
import { useGating, type GatingState, type ViewName } from './useGating';

const VIEWS: { id: ViewName; title: string; icon: IconName; key: string }[] = [
  { id: 'plots', title: 'Plots', icon: 'cells', key: 'p' },
  { id: 'gallery', title: 'Gallery', icon: 'grid', key: 'g' },
  { id: 'statistics', title: 'Statistics', icon: 'table', key: 's' },
  { id: 'heatmap', title: 'Heat map', icon: 'heatmap', key: 'h' },
  { id: 'boxes', title: 'Boxes and bars', icon: 'bars', key: 'b' },
  { id: 'analyses', title: 'Analyses', icon: 'flask', key: 'a' },
  { id: 'compensation', title: 'Compensation', icon: 'split', key: 'm' },
  { id: 'files', title: 'Files and panel', icon: 'file', key: 'f' },
];

export default function GatingPage({ study }: { study: Study }) {
  const state = useGating(study);
  if (state.error) return <div className="centred"><ErrorNote error={state.error} /></div>;
  if (state.isLoading) return <Skeleton rows={10} />;
  if (!state.file) {
    return (
      <Empty title="Nothing to gate yet" action={<Button look="primary" onClick={() => navigate(`studies/${study.id}/data`)}>Add data</Button>}>
        Add FCS files, or any other table of cells, under Data. Then draw gates on them here.
      </Empty>
    );
  }
  return <Workspace state={state} />;
}

function Workspace({ state }: { state: GatingState }) {
  const [tool, setTool] = useState<GateTool>('select');
  // of its family: another file may have a gate of its own
  const [gid, setGid] = useState<string | null>(null);
  const [renaming, setRenaming] = useState<string | null>(null);
  const gate = state.gatesHere.find((g) => g.gid === gid) ?? null;
  const tabs = useRef<HTMLDivElement>(null);
  // on a narrow screen the tab of what is shown may lie beyond the edge
  useEffect(() => {
    tabs.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [state.view]);
  const canRedo = toRedo(useRevisions(state.study.id).data ?? []) !== undefined;
  useKeys(state, gate, setTool, () => setGid(null));
  useClipboardKeys(state, gate);
  useEffect(() => {
    window.addEventListener('pagehide', leaveNudges);
    return () => {
      window.removeEventListener('pagehide', leaveNudges);
      void settleNudges();
    };
  }, []);
  const select = (id: string | null) => {
    setGid(id);
    if (id === null) setRenaming(null);
  };
  return (
    <div className="gating">
      <h1 className="hidden-label">Gating of {state.study.name}</h1>
      <header className="view-bar gating-bar">
        <Link className="button plain small" to={`studies/${state.study.id}`} title="To the study"><span className="cut">{state.study.name}</span></Link>
        <div ref={tabs} className="view-tabs" role="tablist" aria-label="Views of the workspace">
          {VIEWS.map((view) => (
            <button key={view.id} type="button" role="tab" aria-selected={state.view === view.id} title={`${view.title} (v ${view.key})`} onClick={() => state.go({ view: view.id })}>
              <Icon name={view.icon} size={15} /> {view.title}
            </button>
          ))}
        </div>
        <Button small look="plain" icon="undo" label="Undo (Ctrl+Z)" disabled={!state.mayEdit} onClick={() => void undoLast(state.study.id)} />
        <Button small look="plain" icon="redo" label="Do again what was undone (Ctrl+Shift+Z)" disabled={!state.mayEdit || !canRedo} onClick={() => void redoLast(state.study.id)} />
      </header>
      <aside className="gating-side" aria-label="Files and populations">
        <FileList state={state} />
        <PopulationTree state={state} />
        {gate && state.view === 'plots' && <GateInspector key={gate.id} state={state} gate={gate} renaming={renaming === gate.gid} onClose={() => select(null)} />}
      </aside>
      <section className="gating-main" aria-label={VIEWS.find((v) => v.id === state.view)?.title}>
        {state.view === 'plots' && <PlotGrid state={state} tool={tool} onTool={setTool} selected={gid} onSelect={select} onRename={setRenaming} />}
        {state.view === 'gallery' && <GalleryView state={state} />}
        {state.view === 'statistics' && <StatisticsView state={state} />}
        {state.view === 'heatmap' && <HeatView state={state} />}
        {state.view === 'boxes' && <BoxesView state={state} />}
        {state.view === 'analyses' && <EventAnalyses state={state} />}
        {state.view === 'compensation' && <CompensationView state={state} />}
        {state.view === 'files' && <FilesView state={state} />}
      </section>
      {state.mayEdit && <PasteDialog state={state} />}
    </div>
  );
}

/** The keys of the workspace; the newest state is read when a key is pressed. */
function useKeys(state: GatingState, gate: Gate | null, setTool: (tool: GateTool) => void, unselect: () => void) {
  const now = useRef({ state, gate, unselect });
  useEffect(() => {
    now.current = { state, gate, unselect };
  });
  useEffect(() => {
    const file = (step: number) => () => {
      const { files, file: here, go } = now.current.state;
      const at = files.findIndex((f) => f.key === here?.key);
      const next = files[(at + step + files.length) % files.length];
      if (next) go({ file: next.key });
    };
    const population = (step: number) => () => {
      const { rows, population: here, go } = now.current.state;
      const at = here ? rows.findIndex((row) => row.population.id === here.id) : -1;
      const next = Math.max(-1, Math.min(rows.length - 1, at + step));
      go({ population: next < 0 ? '' : rows[next].population.id });
    };
    const overlay = () => {
      const { layout, population: here, change } = now.current.state;
      if (here) change({ overlaid: layout.overlaid.includes(here.id) ? layout.overlaid.filter((id) => id !== here.id) : [...layout.overlaid, here.id] });
    };
    const flip = (what: 'locked' | 'tailored') => {
      const { state: { mayEdit, gates }, gate } = now.current;
      const isOwned = what === 'tailored' && gates.some((g) => g.gid === gate?.gid && g.dataset_id !== null);
      if (gate && mayEdit && !isOwned && (what === 'locked' || !gate.locked)) void changeGate(gate, { [what]: !gate[what] });
    };
    const edit = (run: (studyId: string) => Promise<void>) => () => {
      const { mayEdit, study } = now.current.state;
      if (mayEdit) void run(study.id);
    };
    const tool = (keys: string, title: string, kind: GateTool) => ({ keys, title, run: () => setTool(kind) });
    return offerShortcuts([
      tool('p', 'Draw a polygon: click corners, or drag', 'polygon'),
      tool('r', 'Draw a rectangle', 'rectangle'),
      tool('e', 'Draw an ellipse', 'ellipse'),
      tool('n', 'Draw a range', 'range'),
      tool('q', 'Place a quadrant', 'quadrant'),
      tool('s', 'Place a split', 'split'),
      { keys: 'Escape', title: 'Put the tool away, select nothing', run: () => { setTool('select'); now.current.unselect(); } },
      { keys: ']', title: 'Next file', run: file(1) },
      { keys: '[', title: 'File before', run: file(-1) },
      { keys: 'ArrowDown', title: 'Next population', run: population(1) },
      { keys: 'ArrowUp', title: 'Population before', run: population(-1) },
      { keys: 'u', title: 'To the population above', run: () => now.current.state.go({ population: now.current.state.population?.parent_id ?? '' }) },
      { keys: 'o', title: 'Lay the open population over the plots, or take it off', run: overlay },
      { keys: 'w', title: 'Show the way to the population, or its own plots', run: () => now.current.state.change({ way: !now.current.state.layout.way }) },
      { keys: 'l', title: 'Lock or unlock the selected gate', run: () => flip('locked') },
      { keys: 't', title: 'Tailor the selected gate per file, or not', run: () => flip('tailored') },
      { keys: 'Ctrl+z', title: 'Undo the last change', run: edit(undoLast) },
      { keys: 'Ctrl+Z', title: 'Do again what was undone', run: edit(redoLast) },
      { keys: 'Ctrl+y', title: 'Do again what was undone', run: edit(redoLast) },
      ...VIEWS.map((view) => ({ keys: `v ${view.key}`, title: `Show ${view.title.toLowerCase()}`, run: () => now.current.state.go({ view: view.id }) })),
    ]);
  }, [setTool]);
}
