// Whether anything is being waited for long enough to say so.

const DELAY_MS = 150;

class Busy {
  shown = $state(false);
  #open = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Counts one wait; call what it gives when the wait is over. */
  begin(): () => void {
    this.#open += 1;
    this.#timer ??= setTimeout(() => (this.shown = this.#open > 0), DELAY_MS);
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.#open -= 1;
      if (this.#open > 0) return;
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.shown = false;
    };
  }
}

export const busy = new Busy();
