/** What to do with selected cells: name them as a population, gather several into one annotation, save. */

import { useState } from 'react';
import { OKABE_ITO } from '../../data/colors';
import { cells, count, freshName, plural } from '../../data/words';
import { Button, Field } from '../../views/controls';
import { FormDialog } from '../../views/overlays';
import type { AnnotationActions, Population } from './annotations';
import type { ExplorerState } from './useExplorer';

export interface Draft {
  name: string;
  populations: Population[];
  isPrivate: boolean;
}

interface BarProps {
  state: ExplorerState;
  onAdd: () => void;
  /** Left out where one may not add data to the study. */
  onSubset?: () => void;
  /** Left out where one may not compute. */
  compare?: { label: string; run: () => void };
}

export function SelectionBar({ state, onAdd, onSubset, compare }: BarProps) {
  const { selection, setSelection, shown, n } = state;
  if (!selection) return null;
  const chosen = selection.count();
  const total = shown ? shown.count() : n;
  const invert = () => setSelection(shown ? shown.minus(selection) : selection.not());
  return (
    <div className="selection-bar" role="region" aria-label="Selected cells" onPointerDown={(e) => e.stopPropagation()}>
      <span>
        <strong>{cells(chosen)}</strong> <span className="muted">{total ? `${((100 * chosen) / total).toFixed(1)} %` : ''}</span>
      </span>
      <Button small look="primary" disabled={chosen === 0} onClick={onAdd}>Add population</Button>
      {onSubset && <Button small disabled={chosen === 0} title="These cells as a dataset of their own, with clusters of their own" onClick={onSubset}>New dataset</Button>}
      {compare && <Button small disabled={chosen === 0} title="Which genes differ" onClick={compare.run}>{compare.label}</Button>}
      <Button small onClick={invert}>Invert</Button>
      <Button small icon="close" label="Clear the selection (Esc)" look="plain" onClick={() => setSelection(null)} />
    </div>
  );
}

interface DialogProps {
  draft: Draft | null;
  taken: string[];
  chosen: Uint32Array;
  actions: AnnotationActions;
  /** Whether one may annotate for all who read the study; else only for oneself. */
  mayShare: boolean;
  onDraft: (draft: Draft | null) => void;
  onSaved: (name: string) => void;
  onClose: () => void;
}

export function PopulationDialog({ draft, taken, chosen, actions, mayShare, onDraft, onSaved, onClose }: DialogProps) {
  const [isPrivate, setPrivate] = useState(() => !mayShare || (draft?.isPrivate ?? false));
  const [annotation, setAnnotation] = useState(() => draft?.name ?? freshName('Populations', taken));
  const before = draft?.populations ?? [];
  const [name, setName] = useState(() => freshName('Population', before.map((p) => p.name)));
  const [color, setColor] = useState(OKABE_ITO[before.length % OKABE_ITO.length]);
  const used = taken.includes(annotation.trim());
  const twice = before.some((p) => p.name === name.trim());
  const all = [...before, { name: name.trim(), color, cells: chosen }];
  return (
    <FormDialog
      title={`Add population of ${cells(chosen.length)}`}
      verb={before.length ? `Save ${plural(all.length, 'population')}` : 'Save annotation'}
      disabled={!annotation.trim() || !name.trim() || used || twice}
      onClose={onClose}
      onSubmit={async () => {
        await actions.create(annotation.trim(), all, isPrivate);
        onDraft(null);
        onSaved(annotation.trim());
      }}
    >
      <Field label="Population">
        <span className="row">
          <input className="swatch" type="color" aria-label="Colour of the population" value={color} onChange={(e) => setColor(e.target.value)} />
          <input className="input" aria-label="Name of the population" required autoFocus value={name} onChange={(e) => setName(e.target.value)} onFocus={(e) => e.target.select()} />
        </span>
      </Field>
      <Field label="Annotation" help={used ? 'There is an annotation of this name: choose another.' : 'The column that holds it; cells outside have no value in it.'}>
        <input className="input" required value={annotation} onChange={(e) => setAnnotation(e.target.value)} />
      </Field>
      <div className="field">
        <label className="check">
          <input type="checkbox" checked={isPrivate} disabled={!mayShare} onChange={(e) => setPrivate(e.target.checked)} /> <span className="label">Only I see it</span>
        </label>
        <span className="help">{mayShare ? 'Publish it later in its legend; else all who read the study see it at once.' : 'Annotating for all who read the study needs the role of an editor.'}</span>
      </div>
      {twice && <p className="small" style={{ color: 'var(--warn)' }}>This annotation has a population of that name already.</p>}
      <div>
        <Button
          disabled={!annotation.trim() || !name.trim() || used || twice}
          onClick={() => {
            onDraft({ name: annotation.trim(), populations: all, isPrivate });
            onClose();
          }}
        >
          Keep, and select another
        </Button>
      </div>
    </FormDialog>
  );
}

interface DraftProps {
  draft: Draft;
  actions: AnnotationActions;
  onDraft: (draft: Draft | null) => void;
  onSaved: (name: string) => void;
  onError: (error: unknown) => void;
}

export function DraftPanel({ draft, actions, onDraft, onSaved, onError }: DraftProps) {
  return (
    <section className="panel" aria-label="Annotation not saved yet">
      <header>
        <h2 className="cut">{draft.name}</h2>
        <span className="pill warn">not saved</span>
      </header>
      <ul className="legend">
        {draft.populations.map((p) => (
          <li key={p.name} style={{ gap: 8, padding: '3px 6px' }}>
            <span className="dot" style={{ background: p.color }} />
            <span className="grow cut">{p.name}</span>
            <span className="muted small">{count(p.cells.length)}</span>
            <Button small look="plain" icon="close" label={`Take ${p.name} out`} onClick={() => onDraft(draft.populations.length > 1 ? { ...draft, populations: draft.populations.filter((q) => q !== p) } : null)} />
          </li>
        ))}
      </ul>
      <div className="row">
        <Button
          small
          look="primary"
          onClick={() =>
            void actions.create(draft.name, draft.populations, draft.isPrivate).then(() => {
              onDraft(null);
              onSaved(draft.name);
            }, onError)
          }
        >
          Save annotation
        </Button>
        <Button small onClick={() => onDraft(null)}>Discard</Button>
      </div>
    </section>
  );
}
