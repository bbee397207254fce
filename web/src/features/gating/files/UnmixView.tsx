/** Spectral unmixing: new files whose channels are dyes, by the spectra of reference controls. */

import { useState } from 'react';
import type { MadeFile } from '../../../api/fileNames';
import { unmixFiles } from '../../../api/matrices';
import { brightestDetector, dyeInName, guessDyes } from '../../../data/gating/controls';
import { plural } from '../../../data/words';
import { changeFile } from '../../../state/gating/actions';
import { Button, Segments } from '../../../views/controls';
import { ErrorNote } from '../../../views/states';
import { TickMenu } from '../choices';
import { fluorescent } from '../compensation/CompensationView';
import { useColumns } from '../compensation/useColumns';
import { fitsMatrix } from '../compensation/UseMenu';
import type { GatedFile, GatingState } from '../useGating';
import { MadeFiles } from './MadeFiles';
import { SpectraFigure } from './SpectraFigure';

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
  const [ticked, setTargets] = useState<string[] | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [made, setMade] = useState<MadeFile[]>([]);
  const [error, setError] = useState<unknown>(null);
  const controls = files.some((f) => f.dataset.is_control) ? files.filter((f) => f.dataset.is_control) : files;
  const columns = useColumns(state, controls, detectors);
  const isReference = (id: string) => id === unstained || dyes.some((d) => d.dataset === id);
  const targets = ticked ?? files.filter((f) => !f.dataset.is_control && !isReference(f.dataset.id) && !made.some((m) => m.id === f.dataset.id)).map((f) => f.dataset.id);
  const set = (at: number, part: Partial<Dye>) => setDyes(dyes.map((d, i) => (i === at ? { ...d, ...part } : d)));
  /** The file of a dye with the detector that it is brightest in, and the name that it says. */
  const choose = (at: number, dataset: string) => {
    const read = columns?.find((f) => f.key === dataset);
    const dim = columns?.find((f) => f.key === unstained)?.columns ?? null;
    const channel = read && brightestDetector(read.columns, dim, detectors, [...dyes.filter((_, i) => i !== at).map((d) => d.channel), ...detectors.filter((c) => !used.includes(c))]);
    set(at, { dataset, channel: channel ?? '', dye: dyeInName(files.find((f) => f.dataset.id === dataset)?.name ?? '') });
  };
  const find = () => {
    const found = guessDyes(columns ?? [], detectors);
    setUsed(detectors);
    setDyes(found.dyes.map(({ key, channel, dye }) => ({ dataset: key, channel, dye })));
    setUnstained(found.unstained ?? '');
  };
  const lack = lackOf(dyes, used);
  const problem = lack || (targets.length ? '' : 'Choose files to unmix.');
  const references = { detectors: used, controls: dyes.map((d) => ({ channel: d.channel, dataset_id: d.dataset, dye: d.dye.trim() })), unstained: unstained ? { dataset_id: unstained } : null };
  const run = async () => {
    setBusy(true);
    setError(null);
    setMade([]);
    try {
      setMade(await unmixFiles(state.study.id, { ...references, dataset_ids: targets, weighted }));
      await changeFile(state.study.id, async () => undefined);
    } catch (failure) {
      setError(failure);
    }
    setBusy(false);
  };
  const offer = (label: string, value: string, none: string, onChange: (id: string) => void) => (
    <select className="input small" aria-label={label} value={value} onChange={(e) => onChange(e.target.value)}>
      <option value="">{none}</option>
      {files.map((f) => <option key={f.key} value={f.dataset.id}>{f.name}</option>)}
    </select>
  );
  return (
    <section className="card padded stack" aria-label="Unmixing">
      <div>
        <h2>Unmix by reference controls</h2>
        <p className="small muted">Each file gets a new one beside it, whose detectors have become dyes; scatter and time stay. A control is stained with one dye and gives its spectrum.</p>
      </div>
      <div className="row wrap">
        <Button small look={dyes.length ? undefined : 'primary'} disabled={!state.mayEdit || !columns} onClick={find}>Find dyes</Button>
        <Button small icon="plus" disabled={!state.mayEdit} onClick={() => setDyes([...dyes, { dataset: '', channel: '', dye: '' }])}>Add dye</Button>
        <label className="row small">unstained {offer('Unstained reference', unstained, 'none: the dim events of each', setUnstained)}</label>
        <TickMenu label="Detectors" all={detectors.map((c) => ({ id: c, label: c }))} ticked={used} onChange={setUsed} />
      </div>
      {dyes.length > 0 && (
        <table className="table" aria-label="Dyes">
          <thead><tr><th>Control</th><th>Brightest detector</th><th>Dye</th><th><span className="hidden-label">Actions</span></th></tr></thead>
          <tbody>
            {dyes.map((d, i) => (
              <tr key={i}>
                <td>{offer(`Control of dye ${i + 1}`, d.dataset, 'Choose…', (id) => choose(i, id))}</td>
                <td><select className="input small" aria-label={`Brightest detector of dye ${i + 1}`} value={d.channel} onChange={(e) => set(i, { channel: e.target.value })}><option value="">Choose…</option>{used.map((c) => <option key={c} value={c}>{c}</option>)}</select></td>
                <td><input className="input small" aria-label={`Name of dye ${i + 1}`} placeholder={d.channel} value={d.dye} onChange={(e) => set(i, { dye: e.target.value })} /></td>
                <td><Button small look="plain" icon="close" label={`Leave out dye ${i + 1}`} onClick={() => setDyes(dyes.filter((_, k) => k !== i))} /></td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {dyes.length > 0 && !lack && <SpectraFigure studyId={state.study.id} studyName={state.study.name} wish={references} />}
      <div className="row wrap">
        <TickMenu label="Files to unmix" all={files.map((f) => ({ id: f.dataset.id, label: f.name }))} ticked={targets} onChange={setTargets} />
        <Segments label="Least squares" value={weighted ? 'weighted' : 'ordinary'} options={[{ value: 'ordinary', label: 'Ordinary' }, { value: 'weighted', label: 'Weighted' }]} onChange={(v) => setWeighted(v === 'weighted')} />
        <span className="small muted">{weighted ? 'Each detector counts by one over its signal, as of counted photons.' : 'All detectors count alike.'}</span>
      </div>
      <div className="row wrap">
        <Button look="primary" disabled={!state.mayEdit || isBusy || problem !== ''} onClick={() => void run()}>Unmix {plural(targets.length, 'file')}</Button>
        <span className="small muted" role="status" aria-label="What is lacking">{isBusy ? 'The files are being unmixed…' : problem}</span>
      </div>
      <ErrorNote error={error} />
      {made.length > 0 && <MadeFiles state={state} made={made} />}
    </section>
  );
}

/** Why there are no spectra that tell the dyes apart; '' = there are. */
function lackOf(dyes: Dye[], used: string[]): string {
  const open = dyes.findIndex((d) => !d.dataset || !used.includes(d.channel));
  const names = dyes.map((d) => d.dye.trim() || d.channel);
  const twice = (list: string[]) => list.find((name, i) => list.indexOf(name) < i);
  if (!dyes.length) return 'Find the dyes, or add them one by one.';
  if (open >= 0) return `Dye ${open + 1} needs a control and its brightest detector.`;
  if (twice(dyes.map((d) => d.channel))) return `Two dyes have the detector ${twice(dyes.map((d) => d.channel))}: choose another for one of them.`;
  if (twice(names)) return `Two dyes are called ${twice(names)}: name each.`;
  if (dyes.length > used.length) return `${plural(dyes.length, 'dye')} cannot be told apart by ${plural(used.length, 'detector')}.`;
  return '';
}
