// One place that speaks HTTP: the cross-site token, problem documents, and what to do when signed out.

import { busy } from '../state/busy.svelte';

/** What the server, or the way to it, said was wrong. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string,
    readonly requestId: string | null = null,
    readonly extra: Record<string, unknown> = {},
  ) {
    super(detail || title);
  }

  /** Gives a number that the problem carries, such as `column`. */
  number(name: string): number | null {
    const value = this.extra[name];
    return typeof value === 'number' ? value : null;
  }
}

export interface CallOptions {
  query?: Record<string, string | number | null | undefined>;
  body?: unknown;
  ifMatch?: number;
  signal?: AbortSignal;
  /** Without it, the bar at the top shows that something is being waited for. */
  quiet?: true;
}

let csrf: string | null = null;
let signedOut: () => void = () => {};

/** Keeps the token that every changing request must carry. */
export function setCsrf(token: string | null): void {
  csrf = token;
}

/** Names what happens when the server no longer knows the session. */
export function onSignedOut(action: () => void): void {
  signedOut = action;
}

export function address(path: string, query: CallOptions['query'] = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== '') parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return `/api/v1${path}${text ? `?${text}` : ''}`;
}

export async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  if (options.ifMatch !== undefined) headers['if-match'] = `"${options.ifMatch}"`;
  if (method !== 'GET' && csrf) headers['x-bartizan-csrf'] = csrf;
  const done = options.quiet ? () => {} : busy.begin();
  try {
    const response = await fetch(address(path, options.query), {
      method,
      headers,
      credentials: 'same-origin',
      body: options.body === undefined ? null : JSON.stringify(options.body),
      signal: options.signal ?? null,
    });
    if (!response.ok) throw await problemOf(response);
    if (response.status === 204) return undefined as T;
    return (await response.json()) as T;
  } catch (error) {
    if (error instanceof Problem && error.status === 401 && error.code !== 'wrong_credentials') signedOut();
    throw asProblem(error);
  } finally {
    done();
  }
}

/** How much of a file waits in the page's memory before it is handed to the browser, which may put it on disk. */
const PART_BYTES = 8 * 1024 * 1024;

/** Asks for a file and gives it whole, with the name under which the server tells what it lacks; what came so far is
    told on the way. A file that breaks off is a problem. */
export async function download(
  path: string,
  body: unknown,
  signal: AbortSignal,
  ontold: (bytes: number) => void,
): Promise<{ file: Blob; name: string | null }> {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (csrf) headers['x-bartizan-csrf'] = csrf;
  try {
    const init = { method: 'POST', headers, credentials: 'same-origin', body: JSON.stringify(body), signal } as const;
    const response = await fetch(address(path), init);
    if (!response.ok || !response.body) throw await problemOf(response);
    const type = response.headers.get('content-type') ?? '';
    const reader = response.body.getReader();
    const parts: Blob[] = [];
    let waiting: BlobPart[] = [];
    let size = 0;
    let total = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (value) {
        waiting.push(value);
        size += value.byteLength;
        total += value.byteLength;
        ontold(total);
      }
      if (done || size >= PART_BYTES) {
        parts.push(new Blob(waiting));
        waiting = [];
        size = 0;
      }
      if (done) return { file: new Blob(parts, { type }), name: response.headers.get('x-bartizan-export') };
    }
  } catch (error) {
    if (error instanceof Problem && error.status === 401) signedOut();
    throw asProblem(error);
  }
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof DOMException && error.name === 'AbortError') {
    return new Problem(0, 'aborted', 'Cancelled', 'The request was cancelled.');
  }
  return new Problem(0, 'unreachable', 'Server not reachable', 'The server did not answer. Is it running?');
}

async function problemOf(response: Response): Promise<Problem> {
  let body: Record<string, unknown> = {};
  try {
    body = (await response.json()) as Record<string, unknown>;
  } catch {
    // Not every proxy speaks problem documents: the status has to do.
  }
  const text = (name: string) => (typeof body[name] === 'string' ? (body[name] as string) : '');
  const title = text('title') || response.statusText || `Status ${response.status}`;
  const requestId = text('request_id') || response.headers.get('x-request-id');
  return new Problem(response.status, text('code'), title, text('detail'), requestId, body);
}
