/** Some cells as a dataset of their own, clustered anew. */

import { useState } from 'react';
import { createSubset } from '../../api/datasets';
import type { Dataset, Study, TableRecord } from '../../api/types';
import { selectionText, type Selection } from '../../data/selections';
import { cells } from '../../data/words';
import { tell } from '../../state/notices';
import { keys, refresh } from '../../state/queries';
import { navigate } from '../../state/route';
import { Field } from '../../views/controls';
import { FormDialog } from '../../views/overlays';
import { PipelineFields, usePipelineForm } from './analyses/PipelineFields';

interface Props {
  study: Study;
  dataset: Dataset;
  table: TableRecord;
  selection: Selection;
  n: number;
  onClose: () => void;
}

const LONGEST = 255;

export function SubsetDialog({ study, dataset, table, selection, n, onClose }: Props) {
  const [name, setName] = useState(() => `${dataset.name}: ${selectionText(selection)}`.slice(0, LONGEST));
  const [anew, setAnew] = useState(true);
  const pipeline = usePipelineForm();
  const submit = async () => {
    const made = await createSubset(dataset.id, table.name, { name: name.trim(), selection, parameters: anew ? pipeline.wish : null });
    void refresh(keys.jobs, keys.datasets(study.id), keys.study(study.id));
    tell(`‘${made.dataset.name}’ is being made of ${cells(n)}`, {
      label: 'Go to it',
      run: () => navigate(`studies/${study.id}/tables/${made.dataset.id}/${encodeURIComponent(table.name)}`),
    });
  };
  return (
    <FormDialog title={`New dataset of ${cells(n)}`} verb="Make dataset" disabled={!name.trim() || (anew && pipeline.faulty)} onClose={onClose} onSubmit={submit}>
      <Field label="Name of the dataset">
        <input className="input" required autoFocus maxLength={LONGEST} value={name} onChange={(e) => setName(e.target.value)} onFocus={(e) => e.target.select()} />
      </Field>
      <div className="field">
        <label className="check">
          <input type="checkbox" checked={anew} onChange={(e) => setAnew(e.target.checked)} /> <span className="label">Compute embeddings and clusters anew</span>
        </label>
        <span className="help">{anew ? 'Variable genes, PCA, UMAP, t-SNE, clusters and their markers of these cells alone.' : 'The cells keep the embeddings and annotations that they have here.'}</span>
      </div>
      {anew && <PipelineFields form={pipeline} />}
      <p className="small muted">All annotations come along. The cells here stay as they are; delete the new dataset under Data to take it back.</p>
    </FormDialog>
  );
}
