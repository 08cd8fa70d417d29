// The work on alerts: what is listed, what is selected, and every deed with its way back.

import * as api from '../api/calls';
import { asProblem } from '../api/client';
import type { Alert, AlertFilter, AlertList, Edit, LiveAlert, Sort, Verdict } from '../api/types';
import { counted } from '../text/number';
import { VERDICT_WORDS } from '../text/words';
import {
  appended,
  belongs,
  cursorAfter,
  edited,
  EMPTY,
  inserted,
  released,
  removed,
  replaced,
  reversed,
  withArrived,
  type AlertRows,
} from './alert_rows';
import { Load } from './load.svelte';
import { notices } from './notices.svelte';
import { session } from './session.svelte';

const WINDOW_ROWS = 200;
/** How many arrivals are remembered to be shown as new. */
const FRESH_MAX = 100;
/** A list that has grown beyond this by arrivals alone begins anew with its first window. */
const ROWS_MAX = 5_000;

export class Board {
  rows = $state.raw<AlertRows>(EMPTY);
  filter = $state.raw<AlertFilter>({});
  sort = $state<Sort>('last');
  /** The alert that the keys are about. */
  at = $state('');
  selected = $state.raw<ReadonlySet<string>>(new Set());
  /** Whether the deed is meant for all that match, also those not loaded. */
  all = $state(false);
  fresh = $state.raw<ReadonlySet<string>>(new Set());
  readonly load = new Load<AlertList>();
  readonly cursor = $derived(this.rows.items.findIndex((one) => one.id === this.at));
  /** An alert that is open beside the list without being in it: older, or filtered away. */
  outside = $state.raw<Alert | null>(null);
  readonly current = $derived(this.rows.items[this.cursor] ?? (this.outside?.id === this.at ? this.outside : undefined));
  readonly chosen = $derived(this.all ? this.rows.total : this.selected.size);
  #loadingMore = false;

  /** Asks for the list anew. */
  open(filter: AlertFilter, sort: Sort): void {
    this.filter = filter;
    this.sort = sort;
    this.clearSelection();
    this.refresh();
  }

  refresh(): void {
    const filter = this.filter;
    void this.load.run(async (signal) => {
      const list = await api.alerts(filter, { sort: this.sort, limit: WINDOW_ROWS }, { signal });
      this.rows = { items: list.items, total: list.total, next: list.next, held: [] };
      return list;
    });
  }

  /** Loads the next window once the last rows come into view. */
  async more(): Promise<void> {
    const cursor = this.rows.next;
    if (cursor === null || this.#loadingMore) return;
    this.#loadingMore = true;
    const filter = this.filter;
    try {
      const list = await api.alerts(filter, { sort: this.sort, limit: WINDOW_ROWS, cursor });
      if (filter === this.filter) this.rows = appended(this.rows, list.items, list.next, list.total);
    } catch (error) {
      notices.failed(`More alerts could not be loaded: ${asProblem(error).message}`);
    } finally {
      this.#loadingMore = false;
    }
  }

  arrive(alert: LiveAlert, still: 'move' | 'hold'): void {
    const before = this.rows.items.length;
    this.rows = withArrived(this.rows, alert, this.filter, still);
    if (this.rows.items.length > ROWS_MAX) this.refresh();
    if (this.rows.items.length > before) this.fresh = new Set([...this.fresh, alert.id].slice(-FRESH_MAX));
  }

  release(): void {
    this.fresh = new Set(this.rows.held.map((one) => one.id));
    this.rows = released(this.rows);
  }

  step(by: number): void {
    const index = this.cursor < 0 ? 0 : cursorAfter(this.cursor + by, this.rows.items.length);
    this.at = this.rows.items[index]?.id ?? '';
  }

  toggle(id: string): void {
    if (!session.mayEdit) return;
    const next = new Set(this.selected);
    if (!next.delete(id)) next.add(id);
    this.all = false;
    this.selected = next;
  }

  extend(by: number): void {
    if (!session.mayEdit) return this.step(by);
    const next = new Set(this.selected);
    if (this.current) next.add(this.current.id);
    this.step(by);
    if (this.current) next.add(this.current.id);
    this.selected = next;
  }

  selectAll(): void {
    if (!session.mayEdit) return;
    this.all = true;
    this.selected = new Set(this.rows.items.map((one) => one.id));
  }

  clearSelection(): void {
    this.all = false;
    this.selected = new Set();
  }

  acknowledge(only?: Alert): Promise<void> {
    return this.#edit({ status: 'acknowledged', assignee: session.user }, 'acknowledged', only);
  }

  decide(verdict: Verdict, note: string, only?: Alert): Promise<void> {
    const edit: Edit = { verdict, ...(note ? { note } : {}) };
    return this.#edit(edit, `closed as ${VERDICT_WORDS[verdict]}`, only);
  }

  assign(name: string, only?: Alert): Promise<void> {
    return this.#edit({ assignee: name || null }, name ? `assigned to ${name}` : 'no longer assigned', only);
  }

  /** Changes one alert if it is named, else what is selected, else the current one; and moves on. */
  async #edit(edit: Edit, deed: string, only?: Alert): Promise<void> {
    if (!session.mayEdit) return;
    if (only) await this.#editOne(only, edit, deed);
    else if (this.chosen > 0) await this.#editMany(edit, deed);
    else if (this.current) await this.#editOne(this.current, edit, deed);
  }

  /** Writes a note on one alert. */
  async note(alert: Alert, note: string): Promise<boolean> {
    try {
      this.#put(await api.editAlert(alert.id, alert.version, { note }));
      return true;
    } catch (error) {
      await this.#refused(alert, error);
      return false;
    }
  }

  async #editOne(before: Alert, edit: Edit, deed: string): Promise<void> {
    const index = this.rows.items.findIndex((one) => one.id === before.id);
    const hoped = edited(before, edit);
    if (index < 0) {
      this.outside = hoped;
    } else if (belongs(hoped, this.filter)) {
      this.rows = replaced(this.rows, hoped);
      if (edit.status || edit.verdict) this.step(1);
    } else {
      this.rows = removed(this.rows, [before.id]);
      this.at = this.rows.items[cursorAfter(index, this.rows.items.length)]?.id ?? '';
    }
    try {
      const after = await api.editAlert(before.id, before.version, edit);
      this.rows = replaced(this.rows, after);
      if (this.outside?.id === after.id) this.outside = after;
      notices.done(`${before.title}: ${deed}`, () => this.#undoOne(after, before, index));
    } catch (error) {
      if (index < 0) this.outside = before;
      else this.rows = inserted(this.rows, before, index);
      this.at = before.id;
      await this.#refused(before, error);
    }
  }

  async #undoOne(after: Alert, before: Alert, index: number): Promise<void> {
    try {
      const restored = await api.editAlert(after.id, after.version, reversed(before));
      if (index < 0) this.outside = restored;
      else if (belongs(restored, this.filter)) this.rows = inserted(this.rows, restored, index);
      else this.rows = removed(this.rows, [restored.id]);
      this.at = restored.id;
    } catch (error) {
      await this.#refused(after, error);
    }
  }

  async #editMany(edit: Edit, deed: string): Promise<void> {
    const which = this.all ? { filter: this.filter } : { ids: [...this.selected] };
    try {
      const { changed, undo } = await api.editAlerts(which, edit);
      this.clearSelection();
      this.refresh();
      notices.done(`${counted(changed, 'alert')} ${deed}`, async () => {
        try {
          await api.undoEdit(undo);
        } catch (error) {
          notices.failed(`Not undone: ${asProblem(error).message}`);
        }
        this.refresh();
      });
    } catch (error) {
      notices.failed(`Nothing was changed: ${asProblem(error).message}`);
    }
  }

  /** Somebody was faster, or the server said no: show how things stand now. */
  async #refused(alert: Alert, error: unknown): Promise<void> {
    const problem = asProblem(error);
    if (problem.status !== 412) {
      notices.failed(`${alert.title}: not changed. ${problem.message}`);
      return;
    }
    try {
      const now = await api.alert(alert.id);
      this.#put(now);
      const who = now.assignee ? ` by ${now.assignee}` : '';
      notices.failed(`${alert.title} was changed meanwhile: now ${now.status}${who}. Look, then press the key again.`);
    } catch (again) {
      notices.failed(`${alert.title}: ${asProblem(again).message}`);
    }
  }

  #put(alert: Alert): void {
    if (this.outside?.id === alert.id) this.outside = alert;
    this.rows = belongs(alert, this.filter) ? replaced(this.rows, alert) : removed(this.rows, [alert.id]);
  }
}
