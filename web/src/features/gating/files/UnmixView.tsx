/** Spectral unmixing: new files whose channels are dyes, by the spectra of reference controls. */

import { useState } from 'react';
import { unmixFiles } from '../../../api/matrices';
import { plural } from '../../../data/words';
import { changeFile } from '../../../state/gating/actions';
import { tell } from '../../../state/notices';
import { Button, Segments } from '../../../views/controls';
import { TickMenu } from '../choices';
import { fluorescent } from '../compensation/CompensationView';
import { fitsMatrix } from '../compensation/UseMenu';
import type { GatedFile, GatingState } from '../useGating';

interface Dye {
  dataset: string;
  channel: string;
  dye: string;
}

export function UnmixView({ state, file }: { state: GatingState; file: GatedFile }) {
  const detectors = fluorescent(file).map((c) => c.channel);
  const files = state.files.filter((f) => fitsMatrix(f, detectors));
  const [used, setUsed] = useState(detectors);
  const [dyes, setDyes] = useState<Dye[]>([]);
  const [unstained, setUnstained] = useState('');
  const [weighted, setWeighted] = useState(false);
  const [targets, setTargets] = useState(() => files.filter((f) => !f.dataset.is_control).map((f) => f.dataset.id));
  const [isBusy, setBusy] = useState(false);
  const set = (at: number, part: Partial<Dye>) => setDyes(dyes.map((d, i) => (i === at ? { ...d, ...part } : d)));
  const ready = dyes.filter((d) => d.dataset && d.channel);
  const run = async () => {
    setBusy(true);
    await changeFile(state.study.id, async () => {
      const made = await unmixFiles(state.study.id, {
        dataset_ids: targets, weighted, detectors: used,
        controls: ready.map((d) => ({ channel: d.channel, dataset_id: d.dataset, dye: d.dye.trim() })),
        unstained: unstained ? { dataset_id: unstained } : null,
      });
      tell(`${plural(made.items.length, 'file')} unmixed: ${made.items.slice(0, 3).map((f) => f.name).join(', ')}`);
    });
    setBusy(false);
  };
  return (
    <section className="card padded stack" aria-label="Unmixing">
      <div>
        <h2>Unmix by reference controls</h2>
        <p className="small muted">Each file gets a new one beside it, whose detectors have become dyes; scatter and time stay. A control is stained with one dye; its brightest detector names the dye where you say nothing.</p>
      </div>
      <table className="table" aria-label="Dyes">
        <thead><tr><th>Control</th><th>Brightest detector</th><th>Dye</th><th><span className="hidden-label">Actions</span></th></tr></thead>
        <tbody>
          {dyes.map((d, i) => (
            <tr key={i}>
              <td><select className="input small" aria-label={`Control of dye ${i + 1}`} value={d.dataset} onChange={(e) => set(i, { dataset: e.target.value })}><option value="">Choose…</option>{files.map((f) => <option key={f.key} value={f.dataset.id}>{f.name}</option>)}</select></td>
              <td><select className="input small" aria-label={`Brightest detector of dye ${i + 1}`} value={d.channel} onChange={(e) => set(i, { channel: e.target.value })}><option value="">Choose…</option>{used.map((c) => <option key={c} value={c}>{c}</option>)}</select></td>
              <td><input className="input small" aria-label={`Name of dye ${i + 1}`} placeholder={d.channel} value={d.dye} onChange={(e) => set(i, { dye: e.target.value })} /></td>
              <td><Button small look="plain" icon="close" label={`Leave out dye ${i + 1}`} onClick={() => setDyes(dyes.filter((_, k) => k !== i))} /></td>
            </tr>
          ))}
        </tbody>
      </table>
      <div className="row wrap">
        <Button small icon="plus" disabled={!state.mayEdit} onClick={() => setDyes([...dyes, { dataset: '', channel: '', dye: '' }])}>Add dye</Button>
        <label className="row small">unstained <select className="input small" aria-label="Unstained reference" value={unstained} onChange={(e) => setUnstained(e.target.value)}><option value="">none: the dim events of each</option>{files.map((f) => <option key={f.key} value={f.dataset.id}>{f.name}</option>)}</select></label>
        <TickMenu label="Detectors" all={detectors.map((c) => ({ id: c, label: c }))} ticked={used} onChange={setUsed} />
        <TickMenu label="Files to unmix" all={files.map((f) => ({ id: f.dataset.id, label: f.name }))} ticked={targets} onChange={setTargets} />
        <Segments label="Least squares" value={weighted ? 'weighted' : 'ordinary'} options={[{ value: 'ordinary', label: 'Ordinary' }, { value: 'weighted', label: 'Weighted' }]} onChange={(v) => setWeighted(v === 'weighted')} />
        <Button small look="primary" disabled={!state.mayEdit || isBusy || ready.length === 0 || ready.length > used.length || targets.length === 0} onClick={() => void run()}>Unmix {plural(targets.length, 'file')}</Button>
      </div>
      <p className="small muted">Weighted counts each detector by one over its signal, as of counted photons; ordinary counts all alike.</p>
    </section>
  );
}
