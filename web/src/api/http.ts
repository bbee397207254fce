/** One place that talks to the server: addresses, headers, errors. */

/** The folder that the page is mounted in, with a final slash: the server says it through `<base href>`. */
export function appRoot(): string {
  const base = document.querySelector('base')?.href;
  if (base) return base;
  const match = /^(.*?\/)app(\/|$)/.exec(location.pathname);
  return new URL(`${match?.[1] ?? '/'}app/`, location.origin).href;
}

/** The full address of a native API path such as `studies`. */
export function apiUrl(path: string, query?: Record<string, QueryValue>): string {
  const url = new URL(`../api/v1/${path}`, appRoot());
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== '') url.searchParams.set(name, String(value));
  }
  return url.href;
}

export type QueryValue = string | number | boolean | null | undefined;

interface Problem {
  title?: string;
  detail?: string;
  code?: string;
  where?: string;
  do?: string;
  request_id?: string;
  position?: number;
}

/** What the server (or the network) refused, in a sentence to show. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    sentence: string,
    readonly requestId: string,
    /** The field or part that is refused, '' where it is not told. */
    readonly where = '',
    /** The letter at which a text goes wrong, from 1. */
    readonly position: number | null = null,
  ) {
    super(sentence);
    this.name = 'ApiError';
  }
}

export function isApiError(error: unknown, code?: string): error is ApiError {
  return error instanceof ApiError && (code === undefined || error.code === code);
}

/** An error from the text of a refused answer, whatever stood in it. */
export function problemToError(status: number, text: string, requestId: string): ApiError {
  let problem: Problem = {};
  try {
    const parsed: unknown = JSON.parse(text);
    if (parsed && typeof parsed === 'object') problem = parsed as Problem;
  } catch {
    // Not JSON: a proxy answered. The status is all that we know.
  }
  const sentence = problem.detail ?? problem.title ?? `The server answered with status ${status}.`;
  const advice = problem.do && !sentence.includes(problem.do) ? ` ${problem.do}` : '';
  return new ApiError(status, problem.code ?? 'error', sentence + advice, problem.request_id ?? requestId, problem.where ?? '', problem.position ?? null);
}

export interface RequestOptions {
  query?: Record<string, QueryValue>;
  json?: unknown;
  body?: BodyInit;
  type?: string;
  version?: number;
  /** The browser finishes it when the page closes. */
  keepalive?: boolean;
  signal?: AbortSignal;
}

function headersOf(method: string, options: RequestOptions): Headers {
  const headers = new Headers({ Accept: 'application/json, */*' });
  if (options.json !== undefined) headers.set('Content-Type', 'application/json');
  if (options.type) headers.set('Content-Type', options.type);
  if (method !== 'GET') headers.set('X-Cytosol', '1');
  if (method === 'POST') headers.set('Idempotency-Key', newKey());
  if (options.version !== undefined) headers.set('If-Match', `"${options.version}"`);
  return headers;
}

/** A random name for a request; `randomUUID` exists only on https and localhost. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, '0')).join('');
}

/** What browsers take of a request that outlives its page, in letters. */
const MOST_KEPT_ALIVE = 60_000;

/** Send a request; refused answers become an ApiError. */
export async function send(method: string, path: string, options: RequestOptions = {}): Promise<Response> {
  let response: Response;
  const body = options.json === undefined ? options.body : JSON.stringify(options.json);
  try {
    response = await fetch(apiUrl(path, options.query), {
      method,
      headers: headersOf(method, options),
      body,
      credentials: 'same-origin',
      keepalive: options.keepalive === true && typeof body === 'string' && body.length < MOST_KEPT_ALIVE,
      signal: options.signal,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, 'unreachable', 'The server does not answer. Check that it runs, then try again.', '');
  }
  if (response.ok) return response;
  throw problemToError(response.status, await response.text(), response.headers.get('X-Request-Id') ?? '');
}

export async function sendJson<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
  const response = await send(method, path, options);
  const text = await response.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

export async function getBytes(path: string, query?: Record<string, QueryValue>, signal?: AbortSignal) {
  const response = await send('GET', path, { query, signal });
  return new Uint8Array(await response.arrayBuffer());
}

/** Bytes that answer a question in JSON; the question changes nothing. */
export async function postBytes(path: string, json: unknown, signal?: AbortSignal) {
  const response = await send('POST', path, { json, signal });
  return new Uint8Array(await response.arrayBuffer());
}

/** Every item of a list, page after page. */
export async function listAll<T>(
  path: string,
  query: Record<string, QueryValue> = {},
  signal?: AbortSignal,
): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const page: { items: T[]; next?: string | null } = await sendJson('GET', path, {
      query: { limit: 500, ...query, cursor },
      signal,
    });
    items.push(...page.items);
    cursor = page.next ?? null;
  } while (cursor);
  return items;
}
