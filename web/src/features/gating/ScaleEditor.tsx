/** The scale of an axis: tried on the plots at once, kept for the whole study by a button. */

import { useEffect, useState } from 'react';
import { convertScale, scaleProblem, scaleTypeOf, SCALE_TYPES, type ScaleJson } from '../../data/gating/scales';
import { changeScales } from '../../state/gating/actions';
import { Button } from '../../views/controls';
import type { GatingState } from './useGating';

export function ScaleEditor({ state, reference }: { state: GatingState; reference: string }) {
  const kept = state.scaleSet?.scales[reference] ?? null;
  const [json, setJson] = useState<ScaleJson | null>(kept);
  const [busy, setBusy] = useState(false);
  const { setDraftScales } = state;
  // what was tried and not kept is forgotten when the menu closes
  useEffect(() => () => setDraftScales({}), [setDraftScales]);
  const problem = json ? scaleProblem(json) : '';
  const set = (next: ScaleJson | null) => {
    setJson(next);
    setDraftScales(next && !scaleProblem(next) ? { [reference]: next } : {});
  };
  const changed = JSON.stringify(json) !== JSON.stringify(kept);
  const type = json ? scaleTypeOf(json.type) : undefined;
  const save = async () => {
    if (!state.scaleSet || problem || !changed) return;
    setBusy(true);
    const rest = Object.fromEntries(Object.entries(state.scaleSet.scales).filter(([name]) => name !== reference));
    await changeScales(state.study.id, state.scaleSet, json ? { ...rest, [reference]: json } : rest);
    setDraftScales({});
    setBusy(false);
  };
  return (
    <form className="scale-editor stack tight" aria-label="Scale of the axis" onSubmit={(e) => { e.preventDefault(); void save(); }}>
      <div className="row">
        <span className="grow"><strong className="small">Scale</strong></span>
        <select className="input small" aria-label="Kind of scale" disabled={!state.mayEdit} value={json?.type ?? ''} onChange={(e) => set(e.target.value ? convertScale(json, e.target.value, 0, 262144) : null)}>
          <option value="">as it is</option>
          {json && !type && <option value={json.type}>{json.type}</option>}
          {SCALE_TYPES.map((t) => <option key={t.type} value={t.type}>{t.label}</option>)}
        </select>
      </div>
      {json && type?.fields.map((field) => (
        <label key={field.name} className="row" title={field.help}>
          <span className="small muted grow">{field.label}</span>
          <input className="input small num" type="number" step="any" disabled={!state.mayEdit} value={Number.isNaN(json[field.name]) ? '' : (json[field.name] ?? '')} onChange={(e) => set({ ...json, [field.name]: e.target.value === '' ? NaN : Number(e.target.value) })} />
        </label>
      ))}
      {problem && <p className="small warn-text">{problem}</p>}
      {changed && state.mayEdit && (
        <div className="row">
          <span className="small muted grow">For all files; gates follow.</span>
          <Button small look="plain" onClick={() => set(kept)}>Back</Button>
          <Button small look="primary" type="submit" disabled={busy || problem !== ''}>Keep scale</Button>
        </div>
      )}
    </form>
  );
}
