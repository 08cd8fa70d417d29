// One search: its rows by windows, its counts over time, and what arrives while it follows.

import * as api from '../api/calls';
import { asProblem } from '../api/client';
import type { EventCounts, EventList, EventRecord } from '../api/types';
import { fieldOf, idOf, textOf } from '../text/event';
import { iso } from '../text/time';
import { Load } from './load.svelte';
import { notices } from './notices.svelte';
import { refilled, rowAt, rowCount, windowAt, WINDOW_ROWS, windowsOf, withNewer, withNext, type Windows } from './windows';

const BUCKETS = 72;
export const TAIL_ROWS_MAX = 2_000;
/** Events may arrive a little late: a tail looks back that far for them. */
const LATE_MS = 60_000;

export class Search {
  readonly first = new Load<EventList>();
  readonly counts = new Load<EventCounts>();
  windows = $state.raw<Windows<EventRecord>>({ list: [], next: null });
  /** New rows that wait above, while somebody reads. */
  held = $state.raw<EventRecord[]>([]);
  /** Whether the tail let older rows go. */
  dropped = $state(false);
  readonly count = $derived(rowCount(this.windows));
  /** What rows and counts lack: the newest rows may have been found without what the counts had to read. */
  readonly warnings = $derived([
    ...new Set([...(this.first.value?.warnings ?? []), ...(this.counts.value?.warnings ?? [])]),
  ]);
  q = '';
  between: api.Between = { from: '', to: '' };
  #fetching = new Set<number>();
  #tailing = false;

  row(index: number): EventRecord | undefined {
    return rowAt(this.windows, index);
  }

  run(q: string, between: api.Between): void {
    this.q = q;
    this.between = between;
    this.held = [];
    this.dropped = false;
    this.#fetching.clear();
    void this.first.run(async (signal) => {
      const list = await api.events({ q, ...between, limit: WINDOW_ROWS }, { signal });
      this.windows = windowsOf(list.items, list.next);
      return list;
    });
    this.#count();
  }

  #count(quiet?: true): void {
    const { q, between } = this;
    void this.counts.run((signal) => api.eventHistogram({ q, buckets: BUCKETS, ...between }, { signal, ...(quiet ? { quiet } : {}) }));
  }

  /** Sees to it that the rows in view are here, and those that follow. */
  view(first: number, last: number): void {
    for (const index of [first, last]) {
      const at = windowAt(this.windows, index);
      if (at && this.windows.list[at.window]?.items === null) void this.#fetch(at.window);
    }
    if (last >= this.count - WINDOW_ROWS / 4 && this.windows.next !== null) void this.#fetch(this.windows.list.length);
  }

  async #fetch(window: number): Promise<void> {
    if (this.#fetching.has(window)) return;
    this.#fetching.add(window);
    const { q, between } = this;
    const cursor = this.windows.list[window]?.cursor ?? this.windows.next;
    try {
      const list = await api.events({ q, ...between, limit: WINDOW_ROWS, cursor });
      if (q !== this.q || between !== this.between) return;
      this.windows =
        window < this.windows.list.length ? refilled(this.windows, window, list.items) : withNext(this.windows, list.items, list.next);
    } catch (error) {
      notices.failed(`More events could not be loaded: ${asProblem(error).message}`);
    } finally {
      this.#fetching.delete(window);
    }
  }

  /** Asks for what is newer than the first row; gives how many rows came on top. */
  async tail(now: number, reading: boolean): Promise<number> {
    if (this.#tailing || this.first.loading || this.first.problem) return 0;
    this.#tailing = true;
    const { q } = this;
    const newest = Date.parse(textOf(fieldOf(this.held[0] ?? this.row(0) ?? {}, '@timestamp'))) || Date.parse(this.between.to);
    try {
      const between = { from: iso(Math.min(newest, now) - LATE_MS), to: iso(now) };
      const list = await api.events({ q, ...between, limit: WINDOW_ROWS }, { quiet: true });
      if (q !== this.q) return 0;
      const known = new Set([...this.held, ...(this.windows.list[0]?.items ?? [])].map(idOf));
      const items = list.items.filter((event) => !known.has(idOf(event)));
      if (items.length === 0) return 0;
      this.between = { from: this.between.from, to: between.to };
      this.held = [...items, ...this.held].slice(0, TAIL_ROWS_MAX);
      this.#count(true);
      return reading ? 0 : this.release();
    } catch {
      // The next tick asks again; the Live button already says when the server is gone.
      return 0;
    } finally {
      this.#tailing = false;
    }
  }

  /** Shows what was held; gives how many rows came on top. */
  release(): number {
    const items = this.held;
    const grown = withNewer(this.windows, items, TAIL_ROWS_MAX);
    this.windows = grown.windows;
    this.dropped ||= grown.dropped;
    this.held = [];
    return items.length;
  }
}
