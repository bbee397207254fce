/** Attachments of the study, its lock, and marks in its history. */

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { addAttachment, attachmentUrl, deleteAttachment, listAttachments, lockStudy, markRevision } from '../../../api/attachments';
import { ago, bytes } from '../../../data/words';
import { tell, tellError } from '../../../state/notices';
import { keys, refresh } from '../../../state/queries';
import { sendWhole } from '../../../state/uploads';
import { Button } from '../../../views/controls';
import { Loaded } from '../../../views/states';
import type { GatingState } from '../useGating';

export function AttachmentsView({ state }: { state: GatingState }) {
  const { study } = state;
  const query = useQuery({ queryKey: ['attachments', study.id], queryFn: () => listAttachments(study.id) });
  const [label, setLabel] = useState('');
  const [isSending, setSending] = useState(false);
  const mayEdit = study.permissions.includes('study.edit');
  const again = () => refresh(['attachments', study.id], keys.revisions(study.id));
  const add = async (files: FileList | null) => {
    setSending(true);
    try {
      for (const file of files ?? []) await addAttachment(study.id, await sendWhole(file), file.name);
    } catch (failure) {
      tellError(failure);
    }
    setSending(false);
    await again();
  };
  const lock = () => lockStudy(study, !study.locked).then(() => refresh(keys.study(study.id), keys.studies, keys.revisions(study.id))).catch(tellError);
  const mark = () => markRevision(study.id, label.trim()).then(() => { tell(`Marked as ‘${label.trim()}’`); setLabel(''); return again(); }).catch(tellError);
  return (
    <div className="two-cards">
      <section className="card padded stack" aria-label="Attachments">
        <div className="spread">
          <h2>Attachments</h2>
          <label className="button small" style={{ position: 'relative' }}>Attach files<input className="hidden-label" type="file" multiple aria-label="Files to attach" disabled={!mayEdit || isSending} onChange={(e) => void add(e.target.files)} /></label>
        </div>
        {isSending && <p className="small muted" role="status">The files are on their way…</p>}
        <Loaded query={query} rows={3}>
          {(list) => list.length === 0 ? <p className="muted small">Protocols, tables, pictures: what belongs to the study and is no data.</p> : (
            <table className="table">
              <tbody>
                {list.map((a) => (
                  <tr key={a.id}>
                    <td className="cut"><a href={attachmentUrl(a)} download={a.name}>{a.name}</a></td>
                    <td className="num">{bytes(a.size)}</td>
                    <td className="small muted">{ago(a.created_at)}</td>
                    <td>{mayEdit && <Button small look="plain" icon="trash" label={`Delete ${a.name}`} onClick={() => void deleteAttachment(a).then(() => { tell(`‘${a.name}’ is gone`); return again(); }).catch(tellError)} />}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
        </Loaded>
      </section>
      <div className="stack">
        <section className="card padded stack tight" aria-label="Lock">
          <h2>{study.locked ? 'The study is locked' : 'Lock'}</h2>
          <p className="small muted">{study.locked ? 'Nobody changes its files, gates or annotations until it is unlocked.' : 'A locked study can be looked at and computed on, but its files, gates and annotations stay as they are.'}</p>
          <div><Button small disabled={!mayEdit && !study.locked} onClick={() => void lock()}>{study.locked ? 'Unlock the study' : 'Lock the study'}</Button></div>
        </section>
        <section className="card padded stack tight" aria-label="Mark">
          <h2>Mark in the history</h2>
          <p className="small muted">A name for how the study stands now; it is found under History.</p>
          <form className="row" onSubmit={(e) => { e.preventDefault(); if (label.trim()) void mark(); }}>
            <input className="input small" aria-label="Name of the mark" placeholder="As sent to the reviewers" value={label} onChange={(e) => setLabel(e.target.value)} />
            <Button small type="submit" disabled={!label.trim() || !mayEdit}>Mark</Button>
          </form>
        </section>
      </div>
    </div>
  );
}
