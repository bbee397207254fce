/** Events of the server, turned into fresh queries and live log lines. */

import { listen } from '../api/events';
import type { Job, LogLine, ServerEvent } from '../api/types';
import { gatingLists } from './gating/queries';
import { keys, queryClient, refresh, refreshSoon } from './queries';
import { createStore } from './store';

export const connectedStore = createStore(false);
/** Lines that arrived for jobs whose log somebody looks at. */
export const logStore = createStore<ReadonlyMap<string, LogLine[]>>(new Map());

/** Add lines to a log, each once, in order. */
export function mergeLines(before: LogLine[], more: LogLine[]): LogLine[] {
  const last = before.length ? before[before.length - 1].seq : -1;
  if (more.every((line, i) => line.seq > (i ? more[i - 1].seq : last))) return more.length ? [...before, ...more] : before;
  const bySeq = new Map([...before, ...more].map((line) => [line.seq, line]));
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq);
}

export function addLines(jobId: string, lines: LogLine[]): void {
  logStore.set((now) => new Map(now).set(jobId, mergeLines(now.get(jobId) ?? [], lines)));
}

export const subjectId = (event: ServerEvent) =>
  typeof event.subject === 'string' ? (event.subject.split(/[:/]/).pop() ?? '') : event.subject.id;

/** The lines of a log event, whether it brings one line or several. */
export function linesOf(data: Record<string, unknown>): LogLine[] {
  const list = Array.isArray(data.lines) ? data.lines : Array.isArray(data.items) ? data.items : [data];
  return (list as Partial<LogLine>[]).filter(
    (line): line is LogLine => typeof line.seq === 'number' && typeof line.text === 'string',
  );
}

function patchJob(id: string, data: Record<string, unknown>): void {
  const merge = (job: Job): Job => (job.id === id ? { ...job, ...data, id } : job);
  queryClient.setQueriesData<Job[]>({ queryKey: keys.jobs }, (list) => list?.map(merge));
  queryClient.setQueryData<Job>(keys.job(id), (job) => (job ? merge(job) : job));
}

/** A log grew: take the lines that came along, or ask for them where somebody looks at them. */
function receiveLog(id: string, data: Record<string, unknown>): void {
  const { progress, step } = data;
  if (typeof progress === 'number') patchJob(id, { progress, ...(typeof step === 'string' ? { step } : {}) });
  const known = logStore.get().get(id);
  if (!known) return;
  const lines = linesOf(data);
  if (lines.length) addLines(id, lines);
  else if (typeof data.seq === 'number' && data.seq > (known[known.length - 1]?.seq ?? 0)) void refresh(['log', id]);
}

/** What events tell of, all of it: an answer from before the stream was there may be older than what it tells first. */
const TOLD = [
  keys.jobs, ['job'], ['datasets'], ['dataset'], keys.studies, ['study'], ['samples'], ['grants'], ['revisions'],
  ['gates'], ['populations'], ['scales'], ['compensations'],
];
/** Studies that are being deleted here: the page asks for them no more. */
export const leaving = new Set<string>();

let jobsTimer: ReturnType<typeof setTimeout> | undefined;

function receive(event: ServerEvent): void {
  const id = subjectId(event);
  if (event.type === 'job.changed') {
    patchJob(id, event.data);
    clearTimeout(jobsTimer);
    jobsTimer = setTimeout(() => void refresh(keys.jobs, keys.job(id)), 250);
  } else if (event.type === 'job.log') {
    receiveLog(id, event.data);
  } else if (event.type === 'dataset.changed') {
    refreshSoon(['datasets'], keys.dataset(id), keys.studies, ['study']);
  } else if (event.type === 'study.changed') {
    if (leaving.has(id)) refreshSoon(keys.studies);
    else refreshSoon(keys.studies, keys.study(id), keys.samples(id), keys.grants(id));
  } else if (event.type === 'annotation.changed') {
    refreshSoon(['dataset'], ['datasets'], ['revisions']);
  } else if (event.type === 'gate.changed') {
    refreshSoon(...gatingLists(id));
  }
}

/** Listen while somebody is signed in; the answer is a function that stops. */
export function startEvents(): () => void {
  return listen({
    onEvent: receive,
    onState: (connected) => {
      connectedStore.set(connected);
      if (connected) refreshSoon(...TOLD);
    },
  });
}
