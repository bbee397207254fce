/** Files on their way to the server, one after another. */

import { completeUpload, createUpload, deleteUpload, getUpload } from '../api/datasets';
import { putChunk } from '../api/putChunk';
import { beginsWithEvents, isNamedAsEvents } from '../data/batches';
import { uploadFile, type Transport } from '../data/upload';
import { queryClient, keys } from './queries';
import { sentenceOf } from './notices';
import { createStore } from './store';
import type { ServerInfo } from '../api/types';

export interface UploadItem {
  key: number;
  file: File;
  sent: number;
  /** refused: it arrived, and the server cannot read it. */
  state: 'waiting' | 'sending' | 'done' | 'failed' | 'stopped' | 'refused';
  /** Events of a cytometer: by its name, and by its content once it is sent. */
  holdsEvents: boolean;
  uploadId: string | null;
  error: string;
  /** Bytes per second, lately. */
  speed: number;
}

export const uploadStore = createStore<UploadItem[]>([]);
const stops = new Map<number, AbortController>();
let nextKey = 1;
let running = false;

const transport: Transport = {
  create: createUpload,
  offset: async (id) => (await getUpload(id)).offset,
  put: async (id, offset, chunk, onProgress, signal) => (await putChunk(id, offset, chunk, onProgress, signal)).offset,
  complete: completeUpload,
  wait: (milliseconds, signal) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, milliseconds);
      signal?.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(new DOMException('The upload was stopped', 'AbortError'));
      });
    }),
};

function change(key: number, part: Partial<UploadItem>): void {
  uploadStore.set((now) => now.map((item) => (item.key === key ? { ...item, ...part } : item)));
}

export function addUploads(files: Iterable<File>): UploadItem[] {
  const items = [...files].map((file): UploadItem => ({
    key: nextKey++,
    file,
    sent: 0,
    state: 'waiting',
    holdsEvents: isNamedAsEvents(file.name),
    uploadId: null,
    error: '',
    speed: 0,
  }));
  uploadStore.set((now) => [...now, ...items]);
  void run();
  return items;
}

/** Send what broke or was stopped again, from where the server stands. */
export function resumeUpload(key: number): void {
  change(key, { state: 'waiting', error: '' });
  void run();
}

export function stopUpload(key: number): void {
  stops.get(key)?.abort();
  change(key, { state: 'stopped' });
}

export function forgetUpload(key: number): void {
  const item = uploadStore.get().find((i) => i.key === key);
  stops.get(key)?.abort();
  uploadStore.set((now) => now.filter((i) => i.key !== key));
  // What the server holds of it is dropped there by age if this does not arrive.
  if (item?.uploadId && item.state !== 'done') deleteUpload(item.uploadId).catch(() => undefined);
}

export function refuseUpload(key: number, error: unknown): void {
  change(key, { state: 'refused', uploadId: null, error: sentenceOf(error) });
}

/** Take finished uploads off the list once they belong to a dataset. */
export function clearUploads(keysDone: number[]): void {
  uploadStore.set((now) => now.filter((i) => !keysDone.includes(i.key)));
}

async function run(): Promise<void> {
  if (running) return;
  running = true;
  for (;;) {
    const item = uploadStore.get().find((i) => i.state === 'waiting');
    if (!item) break;
    await sendOne(item);
  }
  running = false;
}

async function sendOne(item: UploadItem): Promise<void> {
  const { key } = item;
  const stop = new AbortController();
  stops.set(key, stop);
  change(key, { state: 'sending' });
  const marks: [number, number][] = [];
  const onProgress = (sent: number) => {
    marks.push([performance.now(), sent]);
    if (marks.length > 20) marks.shift();
    const [t0, s0] = marks[0];
    const seconds = (performance.now() - t0) / 1000;
    change(key, { sent, speed: seconds > 0.2 ? Math.max(0, (sent - s0) / seconds) : 0 });
  };
  try {
    if (await beginsWithEvents(item.file)) change(key, { holdsEvents: true });
    const limits = queryClient.getQueryData<ServerInfo>(keys.server)?.limits;
    const uploadId = await uploadFile(item.file, transport, {
      maxChunk: limits?.max_chunk_bytes,
      onProgress,
      onCreated: (id) => change(key, { uploadId: id }),
      resumeId: item.uploadId ?? undefined,
      signal: stop.signal,
    });
    change(key, { state: 'done', uploadId, sent: item.file.size });
  } catch (error) {
    if (stop.signal.aborted) change(key, { state: 'stopped' });
    else change(key, { state: 'failed', error: sentenceOf(error) });
  } finally {
    stops.delete(key);
  }
}

/** Send a file at once, beside the list of uploads; the id of the complete upload. */
export const sendWhole = (file: File): Promise<string> => uploadFile(file, transport, { maxChunk: queryClient.getQueryData<ServerInfo>(keys.server)?.limits.max_chunk_bytes });
