/** Every analysis of the registry that runs on a table: what it does, its parameters, its progress, and what it made. */

import { useCallback, useMemo, useState } from 'react';
import type { AnalysisRecord, Job } from '../../../api/types';
import { fieldFault, initialValues, toParameters, type FormValues } from '../../../data/forms';
import { useRun } from '../../../state/analyses';
import { tell } from '../../../state/notices';
import { useAnalyses } from '../../../state/queries';
import { useViewState } from '../../../state/viewState';
import { Button, Field } from '../../../views/controls';
import { Empty, Loaded } from '../../../views/states';
import type { ViewProps } from '../registry';
import { ParameterFields, useOffers } from './ParameterFields';
import { RunLine } from './RunLine';

/** Analyses that have a view of their own. */
const ELSEWHERE: Record<string, { view: string; button: string }> = {
  compare: { view: 'compare', button: 'Choose what to compare' },
};

export default function AnalysesView(props: ViewProps) {
  const query = useAnalyses();
  const [chosen, change] = useViewState('analysis', { name: '' });
  const mayRun = props.study.permissions.includes('analysis.run');
  if (!mayRun) return <Empty title="You may look, not compute">Running an analysis needs the role of an editor in this study. Ask its owner for it.</Empty>;
  return (
    <Loaded query={query} rows={6}>
      {(all) => {
        const list = all.filter((a) => a.runnable);
        const current = list.find((a) => a.name === chosen.name) ?? list[0];
        if (!current) return <Empty title="This server runs no analyses">Its administrator may have switched them off.</Empty>;
        return (
          <div className="analyses">
            <nav className="analysis-list" aria-label="Analyses">
              {list.map((a) => (
                <button key={a.name} type="button" aria-current={a.name === current.name ? 'true' : undefined} onClick={() => change({ name: a.name })}>
                  <strong>{a.title}</strong>
                  <span className="small muted">{a.summary}</span>
                </button>
              ))}
            </nav>
            <AnalysisForm key={current.name} analysis={current} {...props} />
          </div>
        );
      }}
    </Loaded>
  );
}

interface Made {
  id: string;
  kind: string;
  name: string;
}

const madeBy = (job: Job | null): Made[] => {
  const list = job?.state === 'succeeded' ? job.result?.elements : null;
  return Array.isArray(list) ? (list as Made[]) : [];
};

function AnalysisForm({ analysis, study, dataset, table, state, open }: ViewProps & { analysis: AnalysisRecord }) {
  const offers = useOffers(study, dataset, table);
  const [values, setValues] = useState<FormValues>(() => initialValues(analysis.parameters));
  const [name, setName] = useState('');
  const onDone = useCallback((job: Job) => tell(`${analysis.title}: ${madeBy(job).map((m) => `‘${m.name}’`).join(', ') || 'done'}`), [analysis.title]);
  const { run, job, busy, error } = useRun(dataset.id, table.name, onDone);
  const faults = analysis.parameters.filter((p) => fieldFault(p, values[p.name]));
  const needed = useMemo(() => [...analysis.parameters].sort((a, b) => Number(b.required ?? false) - Number(a.required ?? false)), [analysis.parameters]);
  const elsewhere = ELSEWHERE[analysis.name];
  const show = (made: Made) => {
    if (made.kind === 'column') state.setView({ color: { by: 'column', name: made.name } });
    if (made.kind === 'embedding') state.setView({ embedding: made.name, dims: [0, 1] });
    open(made.kind === 'markers' ? 'markers' : made.kind === 'comparison' ? 'compare' : 'cells');
  };
  return (
    <form className="analysis-form" aria-label={analysis.title} onSubmit={(e) => { e.preventDefault(); void run({ analysis: analysis.name, name, parameters: toParameters(analysis.parameters, values) }); }}>
      <header className="stack tight">
        <h2>{analysis.title}</h2>
        <p>{analysis.summary}</p>
        <p className="small muted">
          {analysis.cost} {analysis.reference && <a href={analysis.reference} target="_blank" rel="noreferrer">How it works</a>}
        </p>
      </header>
      {elsewhere ? (
        <div><Button look="primary" onClick={() => open(elsewhere.view)}>{elsewhere.button}</Button></div>
      ) : (
        <>
          <ParameterFields parameters={needed} values={values} offers={offers} onChange={setValues} />
          <div style={{ maxWidth: 320 }}>
            <Field label="Name of the result" help="Empty: the analysis names it itself.">
              <input className="input" value={name} maxLength={255} onChange={(e) => setName(e.target.value)} />
            </Field>
          </div>
          <div className="row">
            <Button type="submit" look="primary" disabled={busy || faults.length > 0}>Run {analysis.title}</Button>
            <Button disabled={busy} onClick={() => setValues(initialValues(analysis.parameters))}>Back to defaults</Button>
            {faults.length > 0 && <span className="small muted">{faults[0].title}: {fieldFault(faults[0], values[faults[0].name])}</span>}
          </div>
        </>
      )}
      <RunLine job={job} error={error} />
      {madeBy(job).length > 0 && (
        <section className="made" aria-label="What was made">
          <h3>What was made</h3>
          {madeBy(job).map((made) => (
            <div key={made.id} className="row">
              <span className="grow cut">{made.name} <span className="small muted">{made.kind === 'column' ? 'annotation' : made.kind}</span></span>
              <Button small onClick={() => show(made)}>Show</Button>
            </div>
          ))}
        </section>
      )}
    </form>
  );
}
