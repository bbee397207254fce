/** Adding data to a study: files by drag and drop or from a storage, then what to do with them. */

import { useState } from 'react';
import { submitDataset } from '../../api/datasets';
import { createInspection } from '../../api/inspections';
import { cancelJob } from '../../api/routes';
import type { FileRef, Inspection, Submission } from '../../api/types';
import { groupFiles, isNamedAsEvents, missingFiles } from '../../data/batches';
import { filterNumbers } from '../../data/quality';
import { bytes, plural } from '../../data/words';
import { tell } from '../../state/notices';
import { keys, refresh, useStorages } from '../../state/queries';
import { useStore } from '../../state/store';
import { addUploads, clearUploads, forgetUpload, resumeUpload, stopUpload, uploadStore, type UploadItem } from '../../state/uploads';
import { Bar, Button, Segments } from '../../views/controls';
import { DropZone } from '../../views/DropZone';
import { Link } from '../../views/Link';
import { ErrorNote } from '../../views/states';
import { PipelineFields, usePipelineForm } from '../explorer/analyses/PipelineFields';
import { Browser } from '../StoragesPage';
import { addEvents, type GivenFile } from './addEvents';
import { FilterFields, Options, useFilterHelp, type Form } from './AddOptions';
import { Quality } from './Quality';

function submission(form: Form, files: GivenFile[], parameters: Record<string, unknown>): Submission {
  return {
    name: form.name.trim(),
    ...(form.sampleId ? { sample_id: form.sampleId } : {}),
    ...(form.format ? { format: form.format } : {}),
    matrix: form.matrix,
    embeddings: form.embeddings,
    filters: filterNumbers(form.filters),
    ...(Object.keys(parameters).length ? { parameters: parameters as Submission['parameters'] } : {}),
    batches: batchesOf(files),
  };
}

const batchesOf = (files: GivenFile[]) =>
  groupFiles(files).map((batch) => ({
    name: batch.name,
    files: Object.fromEntries(Object.entries(batch.files).map(([role, file]) => [role, file.ref as FileRef])),
  }));

/** The inspection of some files, forgotten when other files or another way of reading them are chosen. */
function useInspectionOf(studyId: string, files: GivenFile[], form: Form) {
  const wanted: Inspection = {
    study_id: studyId,
    ...(form.format ? { format: form.format } : {}),
    matrix: form.matrix,
    batches: batchesOf(files),
  };
  const key = JSON.stringify(wanted);
  const [asked, setAsked] = useState<{ key: string; jobId: string } | null>(null);
  const jobId = asked?.key === key ? asked.jobId : null;
  const start = async () => {
    const job = await createInspection(wanted);
    setAsked({ key, jobId: job.id });
    void refresh(keys.jobs);
  };
  return { jobId, start };
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
  const pipeline = usePipelineForm();
  const storage = storageId || storages[0]?.id || '';
  const files: GivenFile[] =
    source === 'upload'
      ? uploads.filter((u) => u.state !== 'refused').map((u) => ({ name: u.file.name, ref: u.state === 'done' && u.uploadId ? { upload_id: u.uploadId } : null, key: u.key, holdsEvents: u.holdsEvents }))
      : [...picked].map((path) => ({ name: path, ref: { storage_id: storage, path }, holdsEvents: isNamedAsEvents(path) }));
  const events = files.filter((file) => file.holdsEvents);
  const others = files.filter((file) => !file.holdsEvents);
  const batches = groupFiles(others);
  const problem = batches.map(missingFiles).find(Boolean) ?? '';
  const ready = files.length > 0 && files.every((file) => file.ref) && !problem;
  const name = form.name || batches[0]?.name || '';
  const inspection = useInspectionOf(studyId, others, form);
  const helps = Object.fromEntries(useFilterHelp().map((filter) => [filter.name, filter.help]));
  const setFilters = (filters: Form['filters']) => setForm((now) => ({ ...now, filters }));
  const submit = async () => {
    setBusy(true);
    setError(null);
    try {
      if (others.length) {
        await submitDataset(studyId, submission({ ...form, name }, others, pipeline.wish));
        // What is being measured is of no use any more; where it has ended, this changes nothing.
        if (inspection.jobId) void cancelJob(inspection.jobId).catch(() => undefined);
        clearUploads(others.flatMap((file) => file.key ?? []));
        tell('The data is being read; follow it under Jobs');
      }
      if (await addEvents(studyId, events)) onDone();
    } catch (failure) {
      setError(failure);
    } finally {
      void refresh(keys.jobs, keys.datasets(studyId), keys.study(studyId));
      setBusy(false);
    }
  };
  const close = () => {
    clearUploads(uploads.filter((u) => u.state === 'refused').map((u) => u.key));
    onDone();
  };
  return (
    <form className="stack" onSubmit={(e) => { e.preventDefault(); void submit(); }}>
      {storages.length > 0 && (
        <Segments label="Where the files are" value={source} onChange={setSource} options={[{ value: 'upload', label: 'From this computer' }, { value: 'storage', label: 'From a storage' }]} />
      )}
      {source === 'upload' ? (
        <>
          <DropZone onFiles={addUploads}>Drop files here: h5ad, 10x HDF5, 10x matrix folders, TSV or CSV, FCS</DropZone>
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
      {events.length > 0 && <p className="small muted">{events.length === 1 ? 'A file' : plural(events.length, 'file')} of events: each becomes a dataset of its own, by its name.</p>}
      {others.length > 0 && (
        <>
          <Options studyId={studyId} form={{ ...form, name }} onChange={setForm} />
          <Quality jobId={inspection.jobId} ready={ready} filters={form.filters} helps={helps} onStart={inspection.start} onFilters={setFilters}>
            <FilterFields filters={form.filters} onFilters={setFilters} />
          </Quality>
          <PipelineFields form={pipeline} />
        </>
      )}
      <ErrorNote error={error} />
      <div className="row">
        <Button type="submit" look="primary" disabled={!ready || busy || pipeline.faulty}>Add data</Button>
        <Button onClick={close}>Close</Button>
        {busy && events.length > 1 && <span className="small muted" role="status">{plural(events.length, 'file')} to go</span>}
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
        <Bar value={share} bad={item.state === 'failed' || item.state === 'refused'} label={`Upload of ${item.file.name}`} />
        {item.error && <p className="small" style={{ color: 'var(--danger)' }}>{item.error}</p>}
      </div>
      {item.state === 'sending' && <Button small onClick={() => stopUpload(item.key)}>Stop</Button>}
      {(item.state === 'failed' || item.state === 'stopped') && <Button small onClick={() => resumeUpload(item.key)}>Resume</Button>}
      <Button small look="plain" icon="close" label={`Take ${item.file.name} off the list`} onClick={() => forgetUpload(item.key)} />
    </div>
  );
}
