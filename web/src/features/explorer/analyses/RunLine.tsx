/** How far an analysis is that was started here, and why it failed. */

import { cancelJob } from '../../../api/routes';
import type { Job } from '../../../api/types';
import { tellError } from '../../../state/notices';
import { keys, refresh } from '../../../state/queries';
import { Bar, Button } from '../../../views/controls';
import { ErrorNote } from '../../../views/states';
import { isOpen, jobTime } from '../../../views/work';

export function RunLine({ job, error }: { job: Job | null; error: unknown }) {
  if (error) return <ErrorNote error={error} />;
  if (!job || !isOpen(job)) return null;
  const stop = () => {
    cancelJob(job.id).then(() => refresh(keys.jobs, keys.job(job.id)), tellError);
  };
  return (
    <div className="row" role="status">
      <div className="grow"><Bar value={job.progress} label="Progress of the analysis" /></div>
      <span className="small muted cut" style={{ maxWidth: 320 }}>
        {job.state === 'queued' ? 'Waits for its turn' : `${Math.round(job.progress * 100)} % · ${[job.step, jobTime(job)].filter(Boolean).join(' · ')}`}
      </span>
      <Button small onClick={stop}>Cancel</Button>
    </div>
  );
}
