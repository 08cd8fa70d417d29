// The live stream, shared: of all visible tabs one holds the connection and tells the others.
// Browsers allow six connections to one host over HTTP/1.1, and a stream takes one for good.

import * as api from '../api/calls';
import { readStream, StreamRefused, type Message } from '../api/stream';
import { address } from '../api/client';
import type { LiveAlert, Overview, RulesNews, Simulation } from '../api/types';
import { session } from './session.svelte';

export type LiveState = 'off' | 'connecting' | 'live' | 'lost';

const NAME = 'bartizan-live';
const RETRY_MS = 1_000;
const RETRY_MS_MAX = 15_000;

interface Told {
  state?: LiveState;
  message?: Message;
}

class Live {
  state = $state<LiveState>('off');
  counters = $state.raw<Overview | null>(null);
  simulation = $state.raw<Simulation | null>(null);
  readonly demo = $derived((this.simulation ? this.simulation.running : session.value?.demo) ?? false);

  #alertEars = new Set<(alert: LiveAlert) => void>();
  #rulesEars = new Set<(news: RulesNews) => void>();
  #resumeEars = new Set<() => void>();
  #channel: BroadcastChannel | undefined;
  #running: AbortController | undefined;
  #lastId = '';
  #waiting = false;

  onAlert(ear: (alert: LiveAlert) => void): () => void {
    this.#alertEars.add(ear);
    return () => this.#alertEars.delete(ear);
  }

  onRules(ear: (news: RulesNews) => void): () => void {
    this.#rulesEars.add(ear);
    return () => this.#rulesEars.delete(ear);
  }

  /** Hears when what was shown may be old: after a gap, or when too much changed at once to be told. */
  onResume(ear: () => void): () => void {
    this.#resumeEars.add(ear);
    return () => this.#resumeEars.delete(ear);
  }

  /** Runs while the tab is visible; a hidden tab does no work. */
  start(): () => void {
    const shown = () => (document.hidden ? this.#pause() : this.#resume());
    document.addEventListener('visibilitychange', shown);
    shown();
    return () => {
      document.removeEventListener('visibilitychange', shown);
      this.#pause();
      this.counters = null;
      this.simulation = null;
    };
  }

  #pause(): void {
    this.#running?.abort();
    this.#running = undefined;
    this.#channel?.close();
    this.#channel = undefined;
    this.state = 'off';
    this.#waiting = true;
  }

  #resume(): void {
    if (this.#running) return;
    const running = new AbortController();
    this.#running = running;
    this.state = 'connecting';
    if (this.#waiting) this.#tellResumed();
    this.#waiting = false;
    if (!('locks' in navigator)) {
      void this.#hold(running.signal);
      return;
    }
    this.#channel = new BroadcastChannel(NAME);
    this.#channel.onmessage = (event: MessageEvent<Told>) => this.#hear(event.data);
    const options = { signal: running.signal };
    // Whoever gets the lock leads; the others wait for it, and listen meanwhile.
    navigator.locks.request(NAME, options, () => this.#hold(running.signal)).catch(() => {});
    // A follower cannot know whether the leader is connected before it says so.
    this.#channel.postMessage({ state: 'connecting' } satisfies Told);
  }

  async #hold(signal: AbortSignal): Promise<void> {
    let wait = RETRY_MS;
    let gap = false;
    while (!signal.aborted) {
      this.#tell({ state: gap ? 'lost' : 'connecting' });
      try {
        await readStream(address('/live'), this.#lastId, signal, (message) => {
          wait = RETRY_MS;
          if (message.event === 'hello' && gap) this.#tellResumed();
          if (message.event === 'hello') gap = false;
          this.#tell({ message, state: 'live' });
        });
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof StreamRefused && error.status === 401) {
          await session.refresh();
          if (!session.in) return;
        }
      }
      gap = true;
      this.#tell({ state: 'lost' });
      await pause(wait, signal);
      wait = Math.min(wait * 2, RETRY_MS_MAX);
    }
  }

  #tell(told: Told): void {
    this.#channel?.postMessage(told);
    this.#apply(told);
  }

  /** What another tab says: its question for the state is answered by the leader with what it has. */
  #hear(told: Told): void {
    if (told.state === 'connecting' && !told.message) {
      if (this.state === 'live' && this.counters) {
        const data = JSON.stringify(this.counters);
        this.#channel?.postMessage({ state: 'live', message: { id: '', event: 'counters', data } } satisfies Told);
      }
      return;
    }
    this.#apply(told);
  }

  #apply(told: Told): void {
    if (told.state) this.state = told.state;
    const message = told.message;
    if (!message) return;
    if (message.id) this.#lastId = message.id;
    let data: unknown;
    try {
      data = JSON.parse(message.data || '{}');
    } catch {
      return;
    }
    if (message.event === 'hello') void this.#askSimulation();
    else if (message.event === 'counters') this.counters = { ...this.counters, ...(data as Overview) };
    else if (message.event === 'simulation') this.simulation = data as Simulation;
    else if (message.event === 'rules') for (const ear of this.#rulesEars) ear(data as RulesNews);
    else if (message.event === 'refetch') this.#tellResumed();
    else if (message.event === 'alert') for (const ear of this.#alertEars) ear(data as LiveAlert);
  }

  /** The stream tells of changes only: how things stood when it began has to be asked. */
  async #askSimulation(): Promise<void> {
    try {
      this.simulation = await api.simulation();
    } catch {
      // What the session said stays true until the stream says otherwise.
    }
  }

  #tellResumed(): void {
    for (const ear of this.#resumeEars) ear();
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}

export const live = new Live();
