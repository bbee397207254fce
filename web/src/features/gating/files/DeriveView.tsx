/** New files made of files: copies, several joined into one, a sample or a population of them. */

import { useState } from 'react';
import { deriveFile, type MadeFile } from '../../../api/fileNames';
import { deriveProblem, deriveWishes, joinedName, takenOfAll, withEnding, type DeriveForm, type Sampling, type SourceFile } from '../../../data/gating/derive';
import { count, plural } from '../../../data/words';
import { changeFile } from '../../../state/gating/actions';
import { useCounts } from '../../../state/gating/queries';
import { Button, Field, Segments } from '../../../views/controls';
import { ErrorNote } from '../../../views/states';
import { populationChoices, TickMenu } from '../choices';
import type { GatedFile, GatingState } from '../useGating';
import { MadeFiles } from './MadeFiles';

const ENDING = ' (copy)';
type Kind = 'joined' | 'copies';
type Set = <K extends keyof DeriveForm>(key: K, value: DeriveForm[K]) => void;

export function DeriveView({ state, file }: { state: GatingState; file: GatedFile }) {
  const files = state.files.filter((f) => f.panel.length > 0);
  const [ids, setIds] = useState([file.dataset.id]);
  const [form, setForm] = useState<DeriveForm>({
    isJoined: false, name: '', ending: ENDING, population: state.population?.id ?? null, compensation: 'own', sampling: { kind: 'all', amount: 10_000, seed: 0 }, eventNumber: false, fileNumber: false,
  });
  const [made, setMade] = useState<MadeFile[]>([]);
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const set: Set = (key, value) => setForm((now) => ({ ...now, [key]: value }));
  const sources = useSources(state, files.filter((f) => ids.includes(f.dataset.id)), form);
  const problem = deriveProblem(form, sources);
  const n = form.isJoined ? 1 : sources.length;
  const taken = takenOfAll(sources, form.sampling);
  const make = async () => {
    setBusy(true);
    setError(null);
    setMade([]);
    try {
      for (const wish of deriveWishes(form, sources)) {
        const found = await deriveFile(state.study.id, wish);
        setMade((now) => [...now, ...found]);
      }
    } catch (failure) {
      setError(failure);
    }
    await changeFile(state.study.id, async () => undefined);
    setBusy(false);
  };
  return (
    <section className="card padded stack derive" aria-label="New files">
      <div>
        <h2>Make new files of files</h2>
        <p className="small muted">A new file is written as FCS 3.1 and stands beside the others; those that it is made of stay as they are, and its lineage names them.</p>
      </div>
      <div className="row wrap">
        <TickMenu label="Files" all={files.map((f) => ({ id: f.dataset.id, label: f.name, side: count(f.table.n_cells) }))} ticked={ids} onChange={setIds} />
        <Segments<Kind> label="What is made" value={form.isJoined ? 'joined' : 'copies'} options={[{ value: 'copies', label: 'A copy of each' }, { value: 'joined', label: 'One file of all' }]} onChange={(kind) => set('isJoined', kind === 'joined')} />
      </div>
      <Events state={state} form={form} set={set} />
      <div className="derive-fields">
        {form.isJoined ? (
          <Field label="Name" help="Empty: after the first file."><input className="input" maxLength={255} value={form.name} placeholder={joinedName(sources)} onChange={(e) => set('name', e.target.value)} /></Field>
        ) : (
          <Field label="End of the names" help={sources.length ? `The first one is called ‘${withEnding(sources[0].name, form.ending)}’.` : 'Stands before the ending of the file.'}><input className="input" maxLength={100} value={form.ending} onChange={(e) => set('ending', e.target.value)} /></Field>
        )}
        <div className="field" role="group" aria-label="Further columns">
          <span className="label">Further columns</span>
          <label className="check"><input type="checkbox" checked={form.eventNumber} onChange={(e) => set('eventNumber', e.target.checked)} /> EventNumber <span className="muted small">the number of the event in its file, from 1</span></label>
          {form.isJoined && <label className="check"><input type="checkbox" checked={form.fileNumber} onChange={(e) => set('fileNumber', e.target.checked)} /> FileNumber <span className="muted small">the number of the file, from 1, with noise of ±0.25</span></label>}
        </div>
      </div>
      <div className="row wrap">
        <Button look="primary" disabled={!state.mayEdit || isBusy || problem !== ''} onClick={() => void make()}>Make {plural(n, 'file')}</Button>
        <span className={problem ? 'small warn-text' : 'small muted'} role="status" aria-label="What will be made">
          {problem || (isBusy ? `${made.length} of ${n} made…` : `${taken === null ? 'Events are being counted' : plural(taken, 'event')} of ${plural(sources.length, 'file')}.`)}
        </span>
      </div>
      <ErrorNote error={error} />
      {made.length > 0 && <MadeFiles state={state} made={made} />}
    </section>
  );
}

/** Files with how many events the population has in them. */
function useSources(state: GatingState, files: GatedFile[], { population, compensation }: DeriveForm): SourceFile[] {
  const query = useCounts(state.study.id, population ? files.map((f) => f.dataset.id) : [], '', compensation, state.token, population ? [population] : undefined);
  const counted = new Map((query.data ?? []).filter((row) => row.population_id === population).map((row) => [row.dataset_id, row]));
  return files.map((f) => ({ id: f.dataset.id, name: f.name, channels: f.panel.map((c) => c.channel), n_events: population ? (counted.get(f.dataset.id)?.n_events ?? null) : f.table.n_cells, problem: counted.get(f.dataset.id)?.problem ?? '' }));
}

function Events({ state, form, set }: { state: GatingState; form: DeriveForm; set: Set }) {
  const { sampling } = form;
  const sample = (part: Partial<Sampling>) => set('sampling', { ...sampling, ...part });
  return (
    <div className="derive-fields">
      <Field label="Events of" help={form.population ? 'Gates are read with the compensation that each file says.' : undefined}>
        <select className="input" value={form.population ?? ''} onChange={(e) => set('population', e.target.value || null)}>
          {populationChoices(state).map((p) => <option key={p.id} value={p.id}>{p.label}</option>)}
        </select>
      </Field>
      <Field label="How many of each file">
        <select className="input" value={sampling.kind} onChange={(e) => sample({ kind: e.target.value as Sampling['kind'], amount: e.target.value === 'share' ? 10 : 10_000 })}>
          <option value="all">all</option>
          <option value="count">so many, at random</option>
          <option value="share">a share, at random</option>
        </select>
      </Field>
      {sampling.kind !== 'all' && (
        <>
          <Field label={sampling.kind === 'count' ? 'Events of each file, at most' : 'Share (per cent)'}>
            <input className="input num" type="number" min={0} step="any" value={Number.isFinite(sampling.amount) ? sampling.amount : ''} onChange={(e) => sample({ amount: e.target.valueAsNumber })} />
          </Field>
          <Field label="Seed" help="The same seed takes the same events.">
            <input className="input num" type="number" step={1} value={Number.isFinite(sampling.seed) ? sampling.seed : ''} onChange={(e) => sample({ seed: e.target.valueAsNumber })} />
          </Field>
        </>
      )}
    </div>
  );
}
