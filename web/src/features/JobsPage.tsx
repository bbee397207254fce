/** Jobs: the list, and one with its log. */

import { useEffect, useState } from 'react';
import { useQuery } from '@tanstack/react-query';
import { apiUrl } from '../api/http';
import { cancelJob, getJobLog, retryJob } from '../api/routes';
import type { Job, LogLine } from '../api/types';
import { ago, bytes } from '../data/words';
import { addLines, connectedStore, logStore } from '../state/live';
import { tellError } from '../state/notices';
import { keys, refresh, useJob, useJobs } from '../state/queries';
import { useStore } from '../state/store';
import { Button } from '../views/controls';
import { Link } from '../views/Link';
import { Dialog } from '../views/overlays';
import { Empty, Loaded } from '../views/states';
import { isOpen, JobPill, JobProgress, jobTitle, LogView } from '../views/work';

export function JobsPage() {
  const query = useJobs();
  return (
    <div className="page">
      <header>
        <h1>Jobs</h1>
      </header>
      <div className="card">
        <Loaded query={query}>
          {(jobs) =>
            jobs.length ? (
              <JobTable jobs={jobs} />
            ) : (
              <Empty title="No jobs yet" action={<Link className="button" to="studies">Go to studies</Link>}>
                Work that takes longer than a moment, such as adding data, shows here with its progress and log.
              </Empty>
            )
          }
        </Loaded>
      </div>
    </div>
  );
}

const act = (verb: (id: string) => Promise<unknown>, job: Job) => {
  verb(job.id).then(() => refresh(keys.jobs, keys.job(job.id)), tellError);
};

function JobActions({ job }: { job: Job }) {
  const url = typeof job.result?.download_url === 'string' ? job.result.download_url : null;
  return (
    <span className="row" style={{ justifyContent: 'flex-end' }}>
      {isOpen(job) && <Button small onClick={() => act(cancelJob, job)}>Cancel</Button>}
      {(job.state === 'failed' || job.state === 'cancelled') && <Button small onClick={() => act(retryJob, job)}>Try again</Button>}
      {url && job.state === 'succeeded' && (
        <a className="button small" href={/^https?:/.test(url) ? url : apiUrl(url.replace(/^\/?(api\/v1\/)?/, ''))} download>
          Download
        </a>
      )}
    </span>
  );
}

export function JobTable({ jobs }: { jobs: Job[] }) {
  const [openId, setOpenId] = useState<string | null>(null);
  return (
    <>
      <table className="table">
        <thead>
          <tr>
            <th>Job</th>
            <th>State</th>
            <th>Progress</th>
            <th className="num">Started</th>
            <th><span className="hidden-label">Actions</span></th>
          </tr>
        </thead>
        <tbody>
          {jobs.map((job) => (
            <tr key={job.id}>
              <td>
                <Button look="plain" small onClick={() => setOpenId(job.id)} title="Show its log">
                  {jobTitle(job)}
                </Button>
              </td>
              <td><JobPill job={job} /></td>
              <td style={{ maxWidth: 380 }}>
                <JobProgress job={job} />
                {job.error?.detail && <div className="small cut" style={{ color: 'var(--danger)' }} title={job.error.detail}>{job.error.detail}</div>}
              </td>
              <td className="num muted">{ago(job.started_at ?? job.created_at)}</td>
              <td><JobActions job={job} /></td>
            </tr>
          ))}
        </tbody>
      </table>
      {openId && <JobDialog id={openId} onClose={() => setOpenId(null)} />}
    </>
  );
}

const NO_LINES: LogLine[] = [];

/** The lines of a log: what stands there now, then what events bring; without events it is asked again. */
function useLog(id: string, open: boolean): LogLine[] {
  const connected = useStore(connectedStore);
  const lines = useStore(logStore).get(id) ?? NO_LINES;
  useQuery({
    queryKey: ['log', id],
    queryFn: async () => {
      const known = logStore.get().get(id) ?? NO_LINES;
      const more = await getJobLog(id, known.length ? known[known.length - 1].seq : 0);
      addLines(id, more);
      return known.length + more.length;
    },
    staleTime: 0,
    refetchInterval: open ? (connected ? 5000 : 1500) : false,
  });
  // One last look when the job has ended.
  useEffect(() => {
    if (!open) void refresh(['log', id]);
  }, [id, open]);
  return lines;
}

export function JobDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const query = useJob(id);
  const lines = useLog(id, query.data ? isOpen(query.data) : true);
  return (
    <Dialog title={query.data ? jobTitle(query.data) : 'Job'} onClose={onClose} wide>
      <Loaded query={query} rows={3}>
        {(job) => (
          <>
            <div className="row wrap">
              <JobPill job={job} />
              <div className="grow"><JobProgress job={job} /></div>
              <JobActions job={job} />
            </div>
            {job.error?.detail && <div className="error">{job.error.detail}</div>}
            <LogView lines={lines} />
            <div className="row small muted">
              {job.memory_bytes > 0 && <span>Memory needed: {bytes(job.memory_bytes)}</span>}
              <span className="mono">{job.id}</span>
              {job.study_id && <Link to={`studies/${job.study_id}`}>Open the study</Link>}
            </div>
          </>
        )}
      </Loaded>
    </Dialog>
  );
}
