// Short messages at the foot of the page; some can be undone for ten seconds.

export const UNDO_MS = 10_000;
const NOTICES_MAX = 3;

export interface Notice {
  id: number;
  text: string;
  kind: 'done' | 'failed';
  undo: (() => Promise<void>) | null;
}

class Notices {
  list = $state.raw<Notice[]>([]);
  #next = 1;

  done(text: string, undo: (() => Promise<void>) | null = null): void {
    this.#add({ id: this.#next++, text, kind: 'done', undo }, UNDO_MS);
  }

  failed(text: string): void {
    this.#add({ id: this.#next++, text, kind: 'failed', undo: null }, 2 * UNDO_MS);
  }

  dismiss(id: number): void {
    this.list = this.list.filter((notice) => notice.id !== id);
  }

  /** Takes back the newest deed that still can be taken back. */
  async undo(id?: number): Promise<void> {
    const notice = this.list.findLast((one) => one.undo !== null && (id === undefined || one.id === id));
    if (!notice?.undo) return;
    this.dismiss(notice.id);
    await notice.undo();
  }

  #add(notice: Notice, lifeMs: number): void {
    this.list = [...this.list, notice].slice(-NOTICES_MAX);
    setTimeout(() => this.dismiss(notice.id), lifeMs);
  }
}

export const notices = new Notices();
