import { describe, expect, it } from 'vitest';
import { chunkSize, isPassing, uploadFile, type Transport } from '../../src/data/upload';

class Refused extends Error {
  constructor(readonly status: number) {
    super(`status ${status}`);
  }
}

/** A server in memory that takes bytes only at the right offset, and fails when told to. */
class Server implements Transport {
  bytes: number[] = [];
  puts: number[] = [];
  waits: number[] = [];
  completed = false;
  failures: (number | null)[] = [];
  /** How many bytes of a failing chunk still arrive. */
  partial = 0;

  constructor(readonly chunk: number) {}

  create = async () => ({ id: 'u1', offset: 0, chunk_bytes: this.chunk });
  offset = async () => this.bytes.length;
  wait = async (milliseconds: number) => void this.waits.push(milliseconds);
  complete = async () => {
    this.completed = true;
  };
  put = async (_id: string, offset: number, chunk: Blob, onProgress: (sent: number) => void) => {
    this.puts.push(offset);
    if (offset !== this.bytes.length) throw new Refused(409);
    const bytes = [...new Uint8Array(await chunk.arrayBuffer())];
    const failure = this.failures.shift();
    if (failure != null) {
      this.bytes.push(...bytes.slice(0, this.partial));
      throw new Refused(failure);
    }
    onProgress(bytes.length);
    this.bytes.push(...bytes);
    return this.bytes.length;
  };
}

const content = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);
const file = Object.assign(new Blob([content]), { name: 'a.h5ad' });

describe('uploads', () => {
  it('arrive whole, in chunks of the size that the server proposes', async () => {
    const server = new Server(300);
    const seen: number[] = [];
    expect(await uploadFile(file, server, { onProgress: (sent) => seen.push(sent) })).toBe('u1');
    expect(server.puts).toEqual([0, 300, 600, 900]);
    expect(server.bytes).toEqual([...content]);
    expect(server.completed).toBe(true);
    expect(seen[seen.length - 1]).toBe(1000);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });
  it('resume where the server stands after a broken connection', async () => {
    const server = new Server(400);
    server.failures = [null, 0];
    server.partial = 123;
    await uploadFile(file, server);
    expect(server.puts).toEqual([0, 400, 523, 923]);
    expect(server.bytes).toEqual([...content]);
  });
  it('go on with an upload begun before', async () => {
    const server = new Server(400);
    server.bytes = [...content.subarray(0, 250)];
    await uploadFile(file, server, { resumeId: 'u1', maxChunk: 500 });
    expect(server.puts).toEqual([250, 750]);
    expect(server.bytes).toEqual([...content]);
  });
  it('wait longer after each failure and give up in the end', async () => {
    const server = new Server(400);
    server.failures = new Array(10).fill(503);
    await expect(uploadFile(file, server, { retries: 3 })).rejects.toThrow('status 503');
    expect(server.waits).toEqual([500, 1000, 2000]);
    expect(server.completed).toBe(false);
  });
  it('stop at once at a refusal that trying again cannot mend', async () => {
    const server = new Server(400);
    server.failures = [413];
    await expect(uploadFile(file, server)).rejects.toThrow('status 413');
    expect(server.waits).toEqual([]);
  });
  it('stop when told to', async () => {
    const stop = new AbortController();
    stop.abort();
    const server = new Server(400);
    await expect(uploadFile(file, server, { signal: stop.signal })).rejects.toThrow();
    expect(server.puts).toEqual([]);
  });
  it('complete an empty file', async () => {
    const server = new Server(400);
    await uploadFile(Object.assign(new Blob([]), { name: 'empty' }), server);
    expect(server.completed).toBe(true);
  });
  it('keep under the limit of the server', () => {
    expect(chunkSize(100, 50)).toBe(50);
    expect(chunkSize(100, undefined)).toBe(100);
    expect(chunkSize(undefined, undefined)).toBe(16 * 1024 * 1024);
    expect([0, 408, 409, 429, 500, 503].every((status) => isPassing({ status }))).toBe(true);
    expect([400, 401, 403, 404, 412, 413].some((status) => isPassing({ status }))).toBe(false);
    expect(isPassing(new Error('x'))).toBe(false);
  });
});
