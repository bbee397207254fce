/** What is compared with what, and how. */

import { useMemo, useState } from 'react';
import type { Job } from '../../../api/types';
import { fieldFault, fieldKind, initialValues, toParameters, type FormValues } from '../../../data/forms';
import { treeRows, uniqueNames } from '../../../data/gating/tree';
import { emptySide, selectionText, toSelection, type SideDraft } from '../../../data/selections';
import { useRun } from '../../../state/analyses';
import { usePopulations } from '../../../state/gating/queries';
import { useAnalyses, useSamples } from '../../../state/queries';
import { Button, Field } from '../../../views/controls';
import { ErrorNote, Skeleton } from '../../../views/states';
import { ParameterFields, useOffers } from '../analyses/ParameterFields';
import { RunLine } from '../analyses/RunLine';
import type { ViewProps } from '../registry';
import type { Sides } from '../shared';
import { SidePicker } from './SidePicker';

/** How the registry begins the help of parameters that only one method looks at. */
const OF_PSEUDOBULK = /^pseudobulk only/i;

/** What a new comparison begins with: the cells that are selected in the plot, else the groups that figures show. */
export function newSides(selected: ArrayLike<number> | null, group: string): Sides {
  return { first: selected ? { ...emptySide('cells'), cells: Array.from(selected) } : emptySide('groups', group), second: emptySide('rest') };
}

export function CompareForm({ study, dataset, table, state, shared, onDone }: ViewProps & { onDone: (job: Job) => void }) {
  const analyses = useAnalyses();
  const offers = useOffers(study, dataset, table);
  const sheet = useSamples(study.id).data;
  const gated = usePopulations(study.id).data ?? [];
  const names = uniqueNames(gated);
  const populations = treeRows(gated).map(({ population: { id } }) => ({ id, label: names.get(id) ?? '' }));
  const selected = useMemo(() => state.selection?.toIndices() ?? null, [state.selection]);
  const { sides, setSides } = shared;
  const { first, second } = useMemo(() => sides ?? newSides(selected, shared.group), [sides, selected, shared.group]);
  const [name, setName] = useState('');
  const [given, setGiven] = useState<FormValues | null>(null);
  const { run, job, busy, error } = useRun(dataset.id, table.name, onDone);
  const analysis = analyses.data?.find((a) => a.name === 'compare');
  if (analyses.error) return <ErrorNote error={analyses.error} onRetry={() => void analyses.refetch()} />;
  if (!analyses.data) return <Skeleton rows={6} />;
  if (!analysis?.runnable) return <ErrorNote error={new Error('This server does not compare selections. Ask its administrator to update it.')} />;
  const values = given ?? initialValues(analysis.parameters);
  const isPseudobulk = values.method === 'pseudobulk';
  const parameters = analysis.parameters.filter((p) => fieldKind(p) !== 'none' && (isPseudobulk || !OF_PSEUDOBULK.test(p.help)));
  const [one, other] = [toSelection(first), toSelection(second)];
  const faults = parameters.filter((p) => fieldFault(p, values[p.name]));
  const common = { datasetId: dataset.id, table, attributes: sheet?.attributes ?? [], samples: sheet?.samples ?? [], populations, selected };
  const takenBy = (side: SideDraft, mine: SideDraft) => (side.kind === mine.kind && side.by === mine.by ? side.levels : []);
  const submit = () => {
    const said = (side: SideDraft) => (side.kind === 'population' ? names.get(side.by) : selectionText(toSelection(side)));
    // the server knows populations by their ids
    const title = name || ([first.kind, second.kind].includes('population') ? `${said(first)} and ${said(second)}` : '');
    if (one && other) void run({ analysis: 'compare', name: title, parameters: { ...toParameters(parameters, values), first: one, second: other } });
  };
  const missing = !one ? 'Choose the first cells' : !other ? 'Choose what they are compared with' : isPseudobulk && !values.replicate ? 'Choose under Replicate what tells the donors or samples apart' : faults[0] ? `${faults[0].title}: ${fieldFault(faults[0], values[faults[0].name])}` : '';
  return (
    <form className="analysis-form" aria-label="New comparison" onSubmit={(e) => { e.preventDefault(); submit(); }}>
      <header className="stack tight">
        <h2>Which genes differ between two groups of cells?</h2>
        <p className="muted">Every gene is tested, on all cells of both sides. A fold change above zero means more in the first.</p>
      </header>
      <div className="sides">
        <SidePicker label="These cells" side={first} onChange={(side) => setSides({ first: side, second })} taken={takenBy(second, first)} mayBeRest={false} {...common} />
        <SidePicker label="Compared with" side={second} onChange={(side) => setSides({ first, second: side })} taken={takenBy(first, second)} mayBeRest {...common} />
      </div>
      <ParameterFields parameters={parameters} values={values} offers={offers} onChange={setGiven} />
      <div style={{ maxWidth: 320 }}>
        <Field label="Name of the comparison" help="Empty: it is named by what is compared.">
          <input className="input" value={name} maxLength={255} onChange={(e) => setName(e.target.value)} />
        </Field>
      </div>
      <div className="row">
        <Button type="submit" look="primary" disabled={busy || missing !== ''}>Compare</Button>
        {missing && <span className="small muted">{missing}</span>}
      </div>
      <RunLine job={job} error={error} />
    </form>
  );
}
