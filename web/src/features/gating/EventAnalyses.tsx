/** Analyses of events: quality of a run, FlowSOM, maps and clusters; for one file or many, with the reports that they write. */

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { startAnalysis } from '../../api/analyses';
import { deleteReport, listReports, reportUrl, type ReportRecord } from '../../api/reports';
import type { AnalysisRecord, Parameter } from '../../api/types';
import { fieldFault, initialValues, toParameters, type FormValues } from '../../data/forms';
import { channelsKey } from '../../data/gating/panels';
import { ago, count, number, plural } from '../../data/words';
import { useRun } from '../../state/analyses';
import { changeFile } from '../../state/gating/actions';
import { tell, tellError } from '../../state/notices';
import { keys, refresh, useAnalyses } from '../../state/queries';
import { useStore } from '../../state/store';
import { shownTheme } from '../../state/theme';
import { useViewState } from '../../state/viewState';
import { Button, Field, Segments } from '../../views/controls';
import { Empty, Loaded } from '../../views/states';
import { ParameterFields, useOffers } from '../explorer/analyses/ParameterFields';
import { RunLine } from '../explorer/analyses/RunLine';
import { populationChoices } from './choices';
import type { GatedFile, GatingState } from './useGating';

/** Those that work on channels; the others are in the explorer of a table. */
const OF_EVENTS = ['flow-quality', 'flowsom', 'event-map', 'bead-normalisation', 'batch-normalisation'];

/** Beads are in files of mass cytometry, and several runs in several files. */
const isOffered = (name: string, state: GatingState, file: GatedFile) =>
  name === 'bead-normalisation' ? file.dataset.technology === 'mass' : name !== 'batch-normalisation' || (file.panel.length > 0 && state.files.length > 1);

export function EventAnalyses({ state }: { state: GatingState }) {
  const query = useAnalyses();
  const { file } = state;
  const [view, change] = useViewState('event-analysis', { name: OF_EVENTS[0], report: '' });
  const reports = useQuery({ queryKey: ['reports', file?.dataset.id, file?.table.name], queryFn: () => listReports(file?.dataset.id ?? '', file?.table.name ?? ''), enabled: file !== null });
  if (!file) return null;
  const open = reports.data?.find((r) => r.id === view.report);
  if (open) return <Report file={file} report={open} onClose={() => change({ report: '' })} />;
  const mayRun = state.study.permissions.includes('analysis.run');
  return (
    <div className="event-analyses">
      <section className="card" aria-label="Run an analysis">
        {mayRun ? (
          <Loaded query={query} rows={6}>
            {(all) => {
              const list = OF_EVENTS.filter((name) => isOffered(name, state, file)).flatMap((name) => all.filter((a) => a.name === name && a.runnable));
              const current = list.find((a) => a.name === view.name) ?? list[0];
              if (!current) return <Empty title="This server runs no analyses">Its administrator may have switched them off.</Empty>;
              return (
                <div className="stack">
                  <Segments label="Analysis" value={current.name} options={list.map((a) => ({ value: a.name, label: a.title }))} onChange={(name) => change({ name })} />
                  <Form key={`${current.name} ${file.key}`} state={state} file={file} analysis={current} onReport={() => void reports.refetch().then(({ data }) => change({ report: data?.[0]?.id ?? '' }))} />
                </div>
              );
            }}
          </Loaded>
        ) : (
          <Empty title="You may look, not compute">Running an analysis needs the role of an editor in this study. Ask its owner for it.</Empty>
        )}
      </section>
      <section className="card" aria-label="Reports">
        <h2>Reports of {file.name}</h2>
        <Loaded query={reports} rows={3}>
          {(list) => list.length === 0 ? <p className="muted small">An analysis writes a page with figures and tables; it is found here.</p> : (
            <table className="table">
              <tbody>
                {list.map((r) => (
                  <tr key={r.id}>
                    <td><button type="button" className="link" onClick={() => change({ report: r.id })}>{r.name}</button><div className="small muted">{factsText(r)}</div></td>
                    <td className="small muted">{ago(r.created_at)}</td>
                    <td>{mayRun && <Button small look="plain" icon="trash" label={`Delete ${r.name}`} onClick={() => void deleteReport(file.dataset.id, file.table.name, r.id).then(() => { tell(`‘${r.name}’ is gone`); return reports.refetch(); }).catch(tellError)} />}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </Loaded>
      </section>
    </div>
  );
}

/** Numbers of a report in words, such as 'n populations 10'. */
const factsText = ({ facts }: ReportRecord) =>
  Object.entries(facts).flatMap(([name, value]) => (typeof value === 'number' ? [`${name.replace(/_/g, ' ').replace(/^n /, '')} ${name.startsWith('share') ? `${number(value * 100)} %` : number(value)}`] : [])).slice(0, 4).join(' · ');

function Report({ file, report, onClose }: { file: GatedFile; report: ReportRecord; onClose: () => void }) {
  const url = reportUrl(file.dataset.id, file.table.name, report.id);
  const theme = useStore(shownTheme);
  return (
    <div className="report-room">
      <div className="toolbar">
        <Button small onClick={onClose}>All reports</Button>
        <h2 className="grow cut">{report.name} <span className="muted small">{file.name}, {ago(report.created_at)}</span></h2>
        <a className="button small" href={url} target="_blank" rel="noreferrer">Open in a tab</a>
        <a className="button small" href={url} download={`${report.name}.html`}>Save</a>
      </div>
      <iframe key={theme} title={`Report ${report.name}`} src={`${url}#${theme}`} style={{ colorScheme: theme }} sandbox="" />
    </div>
  );
}

/** What the registry leaves as texts and ids is chosen here. */
const CHOICES: Record<string, Partial<Parameter>> = {
  compensation: { names: 'compensation', help: 'What the channels are compensated with' },
  batch: { names: 'attributes' },
  files: { names: 'files', help: 'All that have the annotation where none is chosen' },
  controls: { names: 'files', help: 'Files that would look alike in one run; the control files where none is chosen, and all files where there are none' },
};
const asChoice = (p: Parameter): Parameter => ({ ...p, ...CHOICES[p.name] });

function Form({ state, file, analysis, onReport }: { state: GatingState; file: GatedFile; analysis: AnalysisRecord; onReport: () => void }) {
  const parameters = analysis.parameters.map(asChoice);
  const takesCells = parameters.some((p) => p.name === 'cells');
  const [values, setValues] = useState<FormValues>(() => initialValues(parameters));
  const [population, setPopulation] = useState(state.population?.id ?? '');
  const [name, setName] = useState('');
  const alike = state.files.filter((f) => f.panel.length > 0 && channelsKey(f.panel) === channelsKey(file.panel));
  const [toAll, setToAll] = useState(false);
  const known = useOffers(state.study, file.dataset, file.table);
  const compensation = [{ value: 'own', label: 'as the file says' }, { value: 'none', label: 'none' }, { value: 'internal', label: 'the matrix of the file' }, ...state.compensations.map((c) => ({ value: c.id, label: c.name }))];
  const files = state.files.filter((f) => f.panel.length > 0).map((f) => ({ value: f.dataset.id, label: f.name }));
  const offers = { ...known, given: { ...known.given, compensation, files, attributes: state.attributes.map((name) => ({ value: name, label: name })) } };
  const { run, job, busy, error } = useRun(file.dataset.id, file.table.name, () => {
    tell(`${analysis.title} is done`);
    void changeFile(state.study.id, async () => undefined);
    onReport();
  });
  const fault = parameters.find((p) => fieldFault(p, values[p.name]));
  const wish = { analysis: analysis.name, name, parameters: { ...toParameters(parameters, values), ...(takesCells && population ? { cells: { population } } : {}) } };
  const start = async () => {
    const others = toAll ? alike.filter((f) => f.key !== file.key) : [];
    await run(wish);
    try {
      for (const other of others) await startAnalysis(other.dataset.id, other.table.name, wish);
      if (others.length) tell(`${plural(others.length + 1, 'analysis', 'analyses')} started; the line below tells how far they are`);
    } catch (failure) {
      tellError(failure);
    }
    void refresh(keys.jobs);
  };
  return (
    <form className="analysis-form" aria-label={analysis.title} onSubmit={(e) => { e.preventDefault(); void start(); }}>
      <header className="stack tight">
        <h2>{analysis.title}</h2>
        <p>{analysis.summary}</p>
        <p className="small muted">{analysis.cost} {analysis.reference && <a href={analysis.reference} target="_blank" rel="noreferrer">How it works</a>}</p>
      </header>
      <div className="row wrap">
        <Button type="submit" look="primary" disabled={busy || fault !== undefined}>Run {analysis.title}</Button>
        {alike.length > 1 && analysis.name !== 'batch-normalisation' && <label className="check small"><input type="checkbox" checked={toAll} onChange={(e) => setToAll(e.target.checked)} /> for all {count(alike.length)} files with these channels</label>}
        <Button disabled={busy} onClick={() => setValues(initialValues(parameters))}>Back to defaults</Button>
        {fault && <span className="small muted">{fault.title}: {fieldFault(fault, values[fault.name])}</span>}
      </div>
      <RunLine job={job} error={error} />
      {takesCells && (
        <Field label="Events" help="Those that take part.">
          <select className="input" value={population} onChange={(e) => setPopulation(e.target.value)}>{populationChoices(state).map((p) => <option key={p.id} value={p.id}>{p.label}</option>)}</select>
        </Field>
      )}
      <ParameterFields parameters={parameters} values={values} offers={offers} onChange={setValues} />
      <Field label="Name of the result" help="Empty: the analysis names it itself."><input className="input" value={name} maxLength={255} onChange={(e) => setName(e.target.value)} /></Field>
    </form>
  );
}
