/** Uploads in chunks that resume where they broke. The transport is given, so that this is plain logic. */

export interface Transport {
  create: (name: string, size: number) => Promise<{ id: string; offset: number; chunk_bytes?: number }>;
  /** How far the server has come. */
  offset: (id: string) => Promise<number>;
  put: (id: string, offset: number, chunk: Blob, onProgress: (sent: number) => void, signal?: AbortSignal) => Promise<number>;
  complete: (id: string) => Promise<unknown>;
  wait: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
}

export interface UploadOptions {
  /** Largest chunk that the server takes, in bytes. */
  maxChunk?: number;
  retries?: number;
  onProgress?: (sent: number) => void;
  onCreated?: (id: string) => void;
  /** Go on with an upload begun before. */
  resumeId?: string;
  signal?: AbortSignal;
}

const DEFAULT_CHUNK = 16 * 1024 * 1024;

/** Size of a chunk: what the server proposes, never above its limit, 16 MB where it says nothing. */
export function chunkSize(proposed: number | undefined, limit: number | undefined): number {
  return Math.max(1, Math.min(proposed ?? DEFAULT_CHUNK, limit ?? Infinity));
}

/** True for failures that a later try can mend: no connection, too busy, the server's own fault, or a wrong offset. */
export function isPassing(error: unknown): boolean {
  const status = (error as { status?: unknown } | null)?.status;
  if (typeof status !== 'number') return false;
  return status === 0 || status === 408 || status === 409 || status === 429 || status >= 500;
}

/** Upload a file; the answer is the upload's id once the server holds all of it. */
export async function uploadFile(
  file: { name: string; size: number; slice: (start: number, end: number) => Blob },
  transport: Transport,
  options: UploadOptions = {},
): Promise<string> {
  const { retries = 6, onProgress = () => undefined, signal } = options;
  const begun = options.resumeId
    ? { id: options.resumeId, offset: await transport.offset(options.resumeId), chunk_bytes: undefined }
    : await transport.create(file.name, file.size);
  const { id } = begun;
  options.onCreated?.(id);
  const size = chunkSize(begun.chunk_bytes, options.maxChunk);
  let offset = begun.offset;
  let failures = 0;
  onProgress(offset);
  while (offset < file.size) {
    signal?.throwIfAborted();
    const start = offset;
    const chunk = file.slice(start, Math.min(file.size, start + size));
    try {
      offset = await transport.put(id, start, chunk, (sent) => onProgress(start + sent), signal);
      if (offset <= start) throw new Error(`The server did not take the bytes from ${start} on`);
      failures = 0;
      onProgress(offset);
    } catch (error) {
      if (!isPassing(error) || ++failures > retries) throw error;
      await transport.wait(Math.min(30_000, 500 * 2 ** (failures - 1)), signal);
      offset = await resumeOffset(transport, id, start);
      onProgress(offset);
    }
  }
  await transport.complete(id);
  return id;
}

/** Where to go on; while the server cannot say, where we were. */
async function resumeOffset(transport: Transport, id: string, known: number): Promise<number> {
  try {
    return await transport.offset(id);
  } catch (error) {
    if (isPassing(error)) return known;
    throw error;
  }
}
