/** Adding data to a study: files by drag and drop or from a storage, then what to do with them. */

import { useState } from 'react';
import { submitDataset } from '../../api/datasets';
import type { FileRef, Submission } from '../../api/types';
import { groupFiles, missingFiles } from '../../data/batches';
import { bytes, plural } from '../../data/words';
import { tell } from '../../state/notices';
import { keys, refresh, useAnalyses, useFormats, useSamples, useStorages } from '../../state/queries';
import { useStore } from '../../state/store';
import { addUploads, clearUploads, forgetUpload, resumeUpload, stopUpload, uploadStore, type UploadItem } from '../../state/uploads';
import { Bar, Button, Field, Segments } from '../../views/controls';
import { DropZone } from '../../views/DropZone';
import { Link } from '../../views/Link';
import { ErrorNote } from '../../views/states';
import { Browser } from '../StoragesPage';

interface GivenFile {
  name: string;
  ref: FileRef | null;
}

const FILTERS = [
  { name: 'min_counts', label: 'Least counts per cell', help: 'Cells with fewer molecules counted are left out.' },
  { name: 'max_counts', label: 'Most counts per cell', help: 'Cells with more are left out: they are often two cells in one drop.' },
  { name: 'min_genes', label: 'Least genes per cell', help: 'Cells with fewer genes seen are left out.' },
  { name: 'max_genes', label: 'Most genes per cell', help: 'Cells with more genes seen are left out.' },
  { name: 'max_mito_share', label: 'Most mitochondrial share', help: 'Share from 0 to 1; cells above it are often dying.' },
];

/** Help from the server's registry where it has the parameter, else our own sentence. */
function useFilterHelp() {
  const analyses = useAnalyses().data ?? [];
  const all = analyses.flatMap((analysis) => analysis.parameters ?? []);
  return FILTERS.map((filter) => {
    const known = all.find((parameter) => parameter.name === filter.name);
    return { ...filter, help: known?.help || filter.help, unit: known?.unit ?? '' };
  });
}

function submission(form: Form, files: GivenFile[]): Submission {
  const filters = Object.fromEntries(
    Object.entries(form.filters).filter(([, text]) => text.trim() !== '').map(([name, text]) => [name, Number(text)]),
  );
  return {
    name: form.name.trim(),
    ...(form.sampleId ? { sample_id: form.sampleId } : {}),
    ...(form.format ? { format: form.format } : {}),
    matrix: form.matrix,
    embeddings: form.embeddings,
    filters,
    batches: groupFiles(files).map((batch) => ({
      name: batch.name,
      files: Object.fromEntries(Object.entries(batch.files).map(([role, file]) => [role, file.ref as FileRef])),
    })),
  };
}

interface Form {
  name: string;
  sampleId: string;
  format: string;
  matrix: 'raw' | 'normalized';
  embeddings: 'compute' | 'keep';
  filters: Record<string, string>;
}

export function AddData({ studyId, onDone }: { studyId: string; onDone: () => void }) {
  const uploads = useStore(uploadStore);
  const storages = useStorages().data ?? [];
  const [source, setSource] = useState<'upload' | 'storage'>('upload');
  const [storageId, setStorageId] = useState('');
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set());
  const [form, setForm] = useState<Form>({ name: '', sampleId: '', format: '', matrix: 'raw', embeddings: 'compute', filters: {} });
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const storage = storageId || storages[0]?.id || '';
  const files: GivenFile[] =
    source === 'upload'
      ? uploads.map((u) => ({ name: u.file.name, ref: u.state === 'done' && u.uploadId ? { upload_id: u.uploadId } : null }))
      : [...picked].map((path) => ({ name: path, ref: { storage_id: storage, path } }));
  const batches = groupFiles(files);
  const problem = batches.map(missingFiles).find(Boolean) ?? '';
  const ready = files.length > 0 && files.every((file) => file.ref) && !problem;
  const name = form.name || batches[0]?.name || '';
  const submit = async () => {
    setBusy(true);
    setError(null);
    try {
      await submitDataset(studyId, submission({ ...form, name }, files));
      if (source === 'upload') clearUploads(uploads.map((u) => u.key));
      tell('The data is being read; follow it under Jobs');
      void refresh(keys.jobs, keys.datasets(studyId));
      onDone();
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form className="stack" onSubmit={(e) => { e.preventDefault(); void submit(); }}>
      {storages.length > 0 && (
        <Segments label="Where the files are" value={source} onChange={setSource} options={[{ value: 'upload', label: 'From this computer' }, { value: 'storage', label: 'From a storage' }]} />
      )}
      {source === 'upload' ? (
        <>
          <DropZone onFiles={addUploads}>Drop files here: h5ad, 10x HDF5, 10x matrix folders, TSV or CSV</DropZone>
          {uploads.map((item) => <UploadRow key={item.key} item={item} />)}
        </>
      ) : (
        <div className="card" style={{ paddingTop: 12 }}>
          <div style={{ padding: '0 12px 8px' }}>
            <select className="input" aria-label="Storage" value={storage} onChange={(e) => { setStorageId(e.target.value); setPicked(new Set()); }}>
              {storages.map((s) => <option key={s.id} value={s.id}>{s.name}</option>)}
            </select>
          </div>
          <Browser key={storage} storageId={storage} picked={picked} onPick={(path) => setPicked((now) => toggled(now, path))} />
        </div>
      )}
      {storages.length === 0 && <p className="small muted">Large files that the server can already see need no upload: <Link to="storages">add a storage</Link>.</p>}
      {batches.length > 1 && <p className="small muted">{plural(batches.length, 'batch', 'batches')}: {batches.map((b) => b.name).join(', ')}. They become one dataset.</p>}
      {problem && <p className="small" style={{ color: 'var(--warn)' }}>{problem}</p>}
      {files.length > 0 && <Options studyId={studyId} form={{ ...form, name }} onChange={setForm} />}
      <ErrorNote error={error} />
      <div className="row">
        <Button type="submit" look="primary" disabled={!ready || busy}>Add data</Button>
        <Button onClick={onDone}>Close</Button>
        {files.length > 0 && !ready && !problem && <span className="small muted">The button wakes when all files have arrived.</span>}
      </div>
    </form>
  );
}

function toggled(set: ReadonlySet<string>, path: string): ReadonlySet<string> {
  const next = new Set(set);
  if (!next.delete(path)) next.add(path);
  return next;
}

function UploadRow({ item }: { item: UploadItem }) {
  const share = item.file.size ? item.sent / item.file.size : 1;
  return (
    <div className="row">
      <div className="grow">
        <div className="spread">
          <span className="cut">{item.file.name}</span>
          <span className="small muted">
            {item.state === 'done' ? `${bytes(item.file.size)}, arrived` : `${bytes(item.sent)} of ${bytes(item.file.size)}`}
            {item.state === 'sending' && item.speed > 0 && `, ${bytes(item.speed)}/s`}
          </span>
        </div>
        <Bar value={share} bad={item.state === 'failed'} label={`Upload of ${item.file.name}`} />
        {item.error && <p className="small" style={{ color: 'var(--danger)' }}>{item.error}</p>}
      </div>
      {item.state === 'sending' && <Button small onClick={() => stopUpload(item.key)}>Stop</Button>}
      {(item.state === 'failed' || item.state === 'stopped') && <Button small onClick={() => resumeUpload(item.key)}>Resume</Button>}
      <Button small look="plain" icon="close" label={`Take ${item.file.name} off the list`} onClick={() => forgetUpload(item.key)} />
    </div>
  );
}

function Options({ studyId, form, onChange }: { studyId: string; form: Form; onChange: (form: Form) => void }) {
  const samples = useSamples(studyId).data?.samples ?? [];
  const formats = useFormats().data ?? [];
  const filters = useFilterHelp();
  const set = (part: Partial<Form>) => onChange({ ...form, ...part });
  const columns = { display: 'grid', gridTemplateColumns: 'repeat(auto-fill, minmax(220px, 1fr))', gap: 12 };
  return (
    <>
      <div style={columns}>
        <Field label="Name of the dataset">
          <input className="input" required value={form.name} onChange={(e) => set({ name: e.target.value })} />
        </Field>
        <Field label="Sample">
          <select className="input" value={form.sampleId} onChange={(e) => set({ sampleId: e.target.value })}>
            <option value="">None, or several</option>
            {samples.map((s) => <option key={s.id} value={s.id}>{s.name}</option>)}
          </select>
        </Field>
        <Field label="Format" help="The file’s content tells it; choose only when it is told wrongly.">
          <select className="input" value={form.format} onChange={(e) => set({ format: e.target.value })}>
            <option value="">Found from the file</option>
            {formats.filter((f) => f.reads !== false).map((f) => <option key={f.name} value={f.name}>{f.title}</option>)}
          </select>
        </Field>
        <Field label="Values" help="Raw counts are normalised (log, per 10,000); normalised values are taken as they are.">
          <select className="input" value={form.matrix} onChange={(e) => set({ matrix: e.target.value as Form['matrix'] })}>
            <option value="raw">Raw counts</option>
            <option value="normalized">Already normalised</option>
          </select>
        </Field>
        <Field label="Embeddings" help="Computed here (PCA, t-SNE, UMAP), or those of the file.">
          <select className="input" value={form.embeddings} onChange={(e) => set({ embeddings: e.target.value as Form['embeddings'] })}>
            <option value="compute">Compute</option>
            <option value="keep">Keep those of the file</option>
          </select>
        </Field>
      </div>
      <details>
        <summary>Filters of cells</summary>
        <div style={{ ...columns, marginTop: 8 }}>
          {filters.map((filter) => (
            <Field key={filter.name} label={filter.unit ? `${filter.label} (${filter.unit})` : filter.label} help={filter.help}>
              <input className="input" type="number" min={0} step="any" placeholder="no limit" value={form.filters[filter.name] ?? ''} onChange={(e) => set({ filters: { ...form.filters, [filter.name]: e.target.value } })} />
            </Field>
          ))}
        </div>
      </details>
    </>
  );
}
