/** Jobs: their state, progress and log lines. */

import { useEffect, useRef } from 'react';
import type { Job, LogLine } from '../api/types';
import { clock, seconds } from '../data/words';
import { Bar } from './controls';

const KINDS: Record<string, string> = { ingest: 'Add data', export: 'Export', analyse: 'Analysis', inspect: 'Measure cells' };

export const jobTitle = (job: Job) => `${KINDS[job.kind] ?? job.kind.replace(/[._]/g, ' ')} #${job.serial}`;
export const isOpen = (job: Job) => job.state === 'queued' || job.state === 'running';

const LOOK = { queued: 'warn', running: 'busy', succeeded: 'good', failed: 'bad', cancelled: '' } as const;

export function JobPill({ job }: { job: Job }) {
  const place = job.state === 'queued' && job.queue_position != null ? `, place ${job.queue_position}` : '';
  return <span className={`pill ${LOOK[job.state]}`}>{job.state + place}</span>;
}

/** Time so far, and how long such work took before. */
export function jobTime(job: Job, now = Date.now()): string {
  if (!job.started_at) return '';
  const end = job.finished_at ? Date.parse(job.finished_at) : now;
  const spent = seconds((end - Date.parse(job.started_at)) / 1000);
  return isOpen(job) && job.expected_s ? `${spent} of about ${seconds(job.expected_s)}` : spent;
}

export function JobProgress({ job }: { job: Job }) {
  if (!isOpen(job)) return <span className="small muted">{jobTime(job)}</span>;
  return (
    <div className="stack tight" style={{ gap: 2, minWidth: 140 }}>
      <Bar value={job.progress} label={`Progress of ${jobTitle(job)}`} />
      <span className="small muted cut">
        {Math.round(job.progress * 100)} % {job.step && `· ${job.step}`} {jobTime(job) && `· ${jobTime(job)}`}
      </span>
    </div>
  );
}

const LEVEL: Record<string, string> = { warning: 'warning', error: 'error-line', critical: 'error-line' };

export function LogView({ lines }: { lines: LogLine[] }) {
  const ref = useRef<HTMLDivElement>(null);
  const atEnd = useRef(true);
  useEffect(() => {
    const box = ref.current;
    if (box && atEnd.current) box.scrollTop = box.scrollHeight;
  }, [lines]);
  return (
    <div
      className="log"
      ref={ref}
      role="log"
      tabIndex={0}
      aria-label="Log of the job"
      onScroll={(event) => {
        const box = event.currentTarget;
        atEnd.current = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
      }}
    >
      {lines.length === 0 && <span className="muted">Nothing logged yet.</span>}
      {lines.map((line) => (
        <div key={line.seq} className={LEVEL[line.level.toLowerCase()] ?? ''}>
          <span className="muted">{clock(line.at)} </span>
          {line.text}
        </div>
      ))}
    </div>
  );
}
