/** The slim line at the bottom: what runs now. */

import { useState } from 'react';
import { plural } from '../data/words';
import { connectedStore } from '../state/live';
import { useJobs } from '../state/queries';
import { useStore } from '../state/store';
import { uploadStore } from '../state/uploads';
import { Bar, Button } from '../views/controls';
import { isOpen, jobTitle } from '../views/work';
import { JobDialog } from './JobsPage';

export function JobLine() {
  const jobs = useJobs().data ?? [];
  const uploads = useStore(uploadStore).filter((u) => u.state === 'sending' || u.state === 'waiting');
  const connected = useStore(connectedStore);
  const [openId, setOpenId] = useState<string | null>(null);
  const open = jobs.filter(isOpen);
  const now = open.find((job) => job.state === 'running') ?? open[0];
  const size = uploads.reduce((sum, u) => sum + u.file.size, 0);
  const sent = uploads.reduce((sum, u) => sum + u.sent, 0);
  return (
    <footer className="job-line" aria-label="Work in progress">
      {now ? (
        <>
          <Button look="plain" small onClick={() => setOpenId(now.id)}>
            {jobTitle(now)}
          </Button>
          <Bar value={now.progress} label="Progress" />
          <span className="muted cut">{now.state === 'queued' ? `waits in the queue${now.queue_position != null ? `, place ${now.queue_position}` : ''}` : now.step}</span>
          {open.length > 1 && <span className="muted">{`and ${plural(open.length - 1, 'more job')}`}</span>}
        </>
      ) : (
        <span className="muted">No jobs running</span>
      )}
      {uploads.length > 0 && (
        <>
          <span className="muted">Uploading {plural(uploads.length, 'file')}</span>
          <Bar value={size ? sent / size : 0} label="Upload" />
        </>
      )}
      <span className="grow" />
      {!connected && <span className="muted" title="News from the server arrive late until it answers again">Reconnecting…</span>}
      {openId && <JobDialog id={openId} onClose={() => setOpenId(null)} />}
    </footer>
  );
}
