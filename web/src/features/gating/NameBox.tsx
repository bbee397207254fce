/** The names of a gate that was just drawn: Enter keeps it, Escape throws it away. */

import { useState } from 'react';
import type { NewGate } from '../../api/gating';
import { newKey } from '../../api/http';
import { axisLabel } from '../../data/gating/axes';
import { labelsOf, pathsOf, type Axes } from '../../data/gating/drawing';
import { geometryOf, type Shape } from '../../data/gating/geometry';
import { embeddingTitle, freshName } from '../../data/words';
import { addGate } from '../../state/gating/actions';
import { Button } from '../../views/controls';
import type { GatingState } from './useGating';

/** 24 hex digits, which clients of the API choose for the gates of one family. */
export const newGid = () => newKey().slice(0, 24);

/** What a gate is called when nobody says: by its reagents where it parts them. */
export function namesFor(state: GatingState, shape: Shape, x: string, y: string): string[] {
  const label = (reference: string) => axisLabel(reference, state.file?.panel ?? [], embeddingTitle).label;
  const [a, b] = [label(x), label(y)];
  if (shape.kind === 'quadrant') return [`${a}+ ${b}+`, `${a}- ${b}+`, `${a}- ${b}-`, `${a}+ ${b}-`];
  if (shape.kind === 'split') return [`${a}-`, `${a}+`];
  return [freshName('Population', state.populations.map((p) => p.name))];
}

const PLACES: Record<string, string[]> = { quadrant: ['upper right', 'upper left', 'lower left', 'lower right'], split: ['left', 'right'] };

interface Props {
  state: GatingState;
  shape: Shape;
  axes: Axes;
  x: string;
  y: string;
  percents: string[];
  onClose: () => void;
  onMade: (gid: string) => void;
}

export function NameBox({ state, shape, axes, x, y, percents, onClose, onMade }: Props) {
  const [names, setNames] = useState(() => namesFor(state, shape, x, y));
  const [isTailored, setTailored] = useState(false);
  const [busy, setBusy] = useState(false);
  const [px, py] = labelsOf(shape, axes)[0];
  const { area, lines } = pathsOf(shape, axes);
  const places = PLACES[shape.kind];
  const save = async () => {
    if (busy || names.some((name) => !name.trim())) return;
    setBusy(true);
    const spelled = names.map((name) => name.trim());
    const gate: NewGate = {
      kind: shape.kind,
      name: places ? spelled.join(', ').slice(0, 200) : spelled[0],
      x,
      y,
      geometry: geometryOf(shape),
      gid: newGid(),
      sectors: places ? spelled.map((name) => ({ gid: newGid(), name })) : [],
      tailored: isTailored,
    };
    const made = await addGate(state.study.id, gate, state.population?.id ?? null);
    if (made?.gates?.[0]) onMade(made.gates[0].gid);
    onClose();
  };
  return (
    <>
      <svg className="gate-draft" width={axes.width} height={axes.height} aria-hidden="true"><path d={area + lines} /></svg>
      <form
        className="name-box" aria-label="New gate" style={{ left: Math.min(Math.max(0, axes.width - 214), Math.max(0, px - 107)), top: Math.min(axes.height - 96, Math.max(0, places ? axes.height / 2 + 12 : py + 6)) }}
        onSubmit={(event) => { event.preventDefault(); void save(); }} onKeyDown={(event) => { if (event.key === 'Escape') { event.stopPropagation(); onClose(); } }}
      >
        {names.map((name, i) => (
          <label key={i} className="row">
            <span className="hidden-label">{places ? `Name, ${places[i]}` : 'Name of the population'}</span>
            <input className="input small" autoFocus={i === 0} value={name} onFocus={(e) => e.target.select()} onChange={(e) => setNames(names.map((n, k) => (k === i ? e.target.value : n)))} />
            <span className="small muted num">{percents[i]}</span>
          </label>
        ))}
        <div className="row">
          {state.files.length > 1 && <label className="check small grow" title="Each file may then have a gate of its own"><input type="checkbox" checked={isTailored} onChange={(e) => setTailored(e.target.checked)} /> per file</label>}
          {state.files.length < 2 && <span className="grow" />}
          <Button small look="plain" onClick={onClose}>Cancel</Button>
          <Button small look="primary" type="submit" disabled={busy}>Add</Button>
        </div>
      </form>
    </>
  );
}
