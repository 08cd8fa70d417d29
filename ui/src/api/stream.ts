// Reads a server-sent stream (HTML standard, section 9.2) over fetch: unlike EventSource it can name
// the last event's id on a fresh connection, and it sees the status of a refusal.

export interface Message {
  id: string;
  event: string;
  data: string;
}

/** What one unfinished message may hold before it is given up. */
export const MESSAGE_CHARS_MAX = 1_000_000;

/** Takes the stream's text piece by piece and gives the messages that have become whole. */
export class StreamReader {
  #rest = '';
  #id = '';
  #event = '';
  #data: string[] = [];
  #dataChars = 0;

  /** The id to resume after. */
  get lastId(): string {
    return this.#id;
  }

  push(text: string): Message[] {
    const found: Message[] = [];
    const lines = (this.#rest + text).split(/\r\n|\n|\r/);
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > MESSAGE_CHARS_MAX) this.#rest = '';
    for (const line of lines) {
      if (line !== '') {
        this.#field(line);
        continue;
      }
      if (this.#data.length > 0) {
        found.push({ id: this.#id, event: this.#event || 'message', data: this.#data.join('\n') });
      }
      this.#event = '';
      this.#data = [];
      this.#dataChars = 0;
    }
    return found;
  }

  #field(line: string): void {
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'id') this.#id = value;
    else if (name === 'event') this.#event = value;
    else if (name === 'data' && this.#dataChars + value.length <= MESSAGE_CHARS_MAX) {
      this.#data.push(value);
      this.#dataChars += value.length;
    }
  }
}

/** Holds one connection until it ends or is aborted; throws the status where the server refuses. */
export async function readStream(
  path: string,
  lastId: string,
  signal: AbortSignal,
  each: (message: Message) => void,
): Promise<void> {
  const headers: Record<string, string> = { accept: 'text/event-stream' };
  if (lastId) headers['last-event-id'] = lastId;
  const response = await fetch(path, { headers, signal, credentials: 'same-origin', cache: 'no-store' });
  if (!response.ok || !response.body) throw new StreamRefused(response.status);
  const reader = new StreamReader();
  const text = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await text.read();
    if (done) return;
    for (const message of reader.push(value)) each(message);
  }
}

export class StreamRefused extends Error {
  constructor(readonly status: number) {
    super(`the live stream was refused with status ${status}`);
  }
}
