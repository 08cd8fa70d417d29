// One question to the server: the old answer stays until the new one is here.

import { asProblem, type Problem } from '../api/client';

export class Load<T> {
  value = $state.raw<T | null>(null);
  problem = $state.raw<Problem | null>(null);
  loading = $state(false);
  /** When the answer came, in milliseconds. */
  at = $state(0);
  #running: AbortController | undefined;

  /** Asks, and forgets a question that is still open. */
  async run(ask: (signal: AbortSignal) => Promise<T>): Promise<void> {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    this.loading = true;
    try {
      const value = await ask(running.signal);
      if (this.#running !== running) return;
      this.value = value;
      this.problem = null;
      this.at = Date.now();
    } catch (error) {
      const problem = asProblem(error);
      if (this.#running === running && problem.code !== 'aborted') this.problem = problem;
    } finally {
      if (this.#running === running) this.loading = false;
    }
  }

  /** Gives up the open question. */
  stop(): void {
    this.#running?.abort();
    this.#running = undefined;
    this.loading = false;
  }
}
