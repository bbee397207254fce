/** Gates and populations from and to other programs: Gating-ML 2.0, workspaces of FlowJo 10, experiments of FACSDiva. */

import { useState } from 'react';
import { bringGating, gatingUrl, type Brought, type GatingFormat } from '../../../api/matrices';
import { plural } from '../../../data/words';
import { changeFile } from '../../../state/gating/actions';
import { Button } from '../../../views/controls';
import { ErrorNote } from '../../../views/states';
import type { GatingState } from '../useGating';

/** Workspaces begin with an element `Workspace`, experiments with `bdfacs`, documents of Gating-ML with `gating:Gating-ML`. */
async function formatOf(file: File): Promise<GatingFormat | 'facsdiva'> {
  if (/\.wsp$/i.test(file.name)) return 'flowjo';
  const head = await file.slice(0, 4000).text();
  if (/<bdfacs[\s>]/.test(head)) return 'facsdiva';
  return /<(\w+:)?Workspace[\s>]/.test(head) ? 'flowjo' : 'gating-ml';
}

export function ExchangeView({ state }: { state: GatingState }) {
  const [brought, setBrought] = useState<{ name: string; answer: Brought } | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const { study, file, layout, mayEdit } = state;
  const bring = async (given: File | undefined) => {
    if (!given) return;
    setBusy(true);
    setBrought(null);
    setError(null);
    try {
      const format = await formatOf(given);
      const answer = await bringGating(study.id, format, given);
      setBrought({ name: given.name, answer });
      await changeFile(study.id, async () => undefined);
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  const out = (format: GatingFormat, name: string, help: string) => (
    <div className="stack tight">
      <div><a className="button" href={gatingUrl(study.id, format, { compensation: layout.compensation, ...(format === 'gating-ml' && file ? { dataset_id: file.dataset.id } : {}) })} download>{name}</a></div>
      <p className="small muted">{help}</p>
    </div>
  );
  return (
    <div className="two-cards">
      <section className="card padded stack" aria-label="Gates in">
        <h2>Take gates in</h2>
        <p className="small muted">A document of Gating-ML 2.0 (also as Cytobank and FlowRepository write it), a workspace of FlowJo 10, or an experiment of FACSDiva (XML). Its gates, populations, scales and compensations join those of the study, as one step to undo; files that are called like a sample or tube of it get their own gates where these differ.</p>
        <div>
          <label className="button primary" style={{ position: 'relative' }}>Choose a file<input className="hidden-label" type="file" accept=".xml,.wsp,application/xml,text/xml" aria-label="Gating-ML document, FlowJo workspace or FACSDiva experiment" disabled={!mayEdit || isBusy} onChange={(e) => { void bring(e.target.files?.[0]); e.target.value = ''; }} /></label>
        </div>
        {isBusy && <p role="status" className="small muted">The gates are being read…</p>}
        <ErrorNote error={error} />
        {brought && <Told state={state} {...brought} />}
      </section>
      <section className="card padded stack" aria-label="Gates out">
        <h2>Give gates out</h2>
        {out('gating-ml', 'Gating-ML 2.0', `Every population with its scales and limits, as ${file?.name ?? 'the study'} has its gates.`)}
        {out('flowjo', 'FlowJo workspace', 'A sample for each file, with its gates.')}
        <p className="small muted">What the format cannot hold is named in a comment at the top of the file.</p>
      </section>
    </div>
  );
}

function Told({ state, name, answer }: { state: GatingState; name: string; answer: Brought }) {
  const { gates, populations, compensations, compensation, notes } = answer;
  const drawnOn = compensation === 'none' ? 'values as measured' : compensation === 'internal' ? 'values compensated by the matrix of each file' : `values compensated by ‘${state.compensations.find((c) => c.id === compensation)?.name ?? 'the matrix that came'}’`;
  return (
    <div className="stack tight" role="status" aria-label="What came">
      <p><strong>{name}</strong>: {plural(gates.length, 'gate')}, {plural(populations.length, 'population')}, {plural(compensations.length, 'compensation')}.</p>
      <p className="row wrap small">They were drawn on {drawnOn}.{state.layout.compensation !== compensation && <Button small onClick={() => state.change({ compensation })}>Show plots so</Button>}</p>
      {notes.length > 0 && <ul className="notes small" tabIndex={0} aria-label="Notes">{notes.map((note, i) => <li key={i}>{note}</li>)}</ul>}
      <div className="row"><Button small look="primary" onClick={() => state.go({ view: 'plots' })}>See the plots</Button></div>
    </div>
  );
}
