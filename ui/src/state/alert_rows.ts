// The list of alerts as it changes under the analyst's hands and by the live stream; pure.

import type { Alert, AlertFilter, Edit, LiveAlert } from '../api/types';

export interface AlertRows {
  items: Alert[];
  total: number;
  next: string | null;
  /** Arrived while the list must not move; shown on request. */
  held: Alert[];
}

export const EMPTY: AlertRows = { items: [], total: 0, next: null, held: [] };

/** What is kept of held arrivals; the rest is counted by the server's total on the next load. */
export const HELD_MAX = 500;

/** Tells whether an alert belongs into a list; of the free text only the server knows for sure. */
export function belongs(alert: Alert, filter: AlertFilter): boolean {
  if (filter.status && !filter.status.split(',').includes(alert.status)) return false;
  if (filter.level && !filter.level.split(',').includes(alert.level)) return false;
  if (filter.rule && filter.rule !== alert.rule_id) return false;
  if (filter.entity && ![alert.entity?.value, entityName(alert)].includes(filter.entity)) return false;
  if (filter.assignee && filter.assignee !== alert.assignee) return false;
  if (filter.from && Date.parse(alert.last) < Date.parse(filter.from)) return false;
  if (filter.to && Date.parse(alert.last) > Date.parse(filter.to)) return false;
  if (!filter.q) return true;
  const text = [alert.title, alert.summary, alert.entity?.value, alert.rule_id, ...alert.tags].join(' ').toLowerCase();
  return filter.q
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

/** `address:203.0.113.9`, as the list is filtered by it. */
export function entityName(alert: Alert): string {
  return alert.entity ? `${alert.entity.type}:${alert.entity.value}` : '';
}

/** Takes in an alert that the server has told of; where rows may move, the newest stay on top. */
export function withArrived(rows: AlertRows, alert: Alert | LiveAlert, filter: AlertFilter, still: 'move' | 'hold'): AlertRows {
  const known = rows.items.find((one) => one.id === alert.id);
  if (known) {
    if (known.version > alert.version) return rows;
    if (!belongs(alert, filter)) return removed(rows, [alert.id]);
    return still === 'hold' || alert.last === known.last ? replaced(rows, alert) : { ...rows, items: placed(rows.items, alert) };
  }
  const held = rows.held.filter((one) => one.id !== alert.id);
  const wasHeld = held.length < rows.held.length;
  if (!belongs(alert, filter)) return wasHeld ? { ...rows, held, total: rows.total - 1 } : rows;
  // One that only grew is counted already, unless all that match are here.
  const counted = wasHeld || ('change' in alert && alert.change !== 'created' && rows.next !== null);
  const total = rows.total + (counted ? 0 : 1);
  if (still === 'hold') return { ...rows, total, held: [alert, ...held].slice(0, HELD_MAX) };
  return { ...rows, total, held, items: placed(rows.items, alert) };
}

/** Gives the alerts with one put where its last time belongs. */
function placed(items: Alert[], alert: Alert): Alert[] {
  const others = items.filter((one) => one.id !== alert.id);
  const at = others.findIndex((one) => Date.parse(one.last) <= Date.parse(alert.last));
  return others.toSpliced(at < 0 ? others.length : at, 0, alert);
}

/** Shows what was held. */
export function released(rows: AlertRows): AlertRows {
  return { ...rows, items: [...rows.held, ...rows.items], held: [] };
}

export function replaced(rows: AlertRows, alert: Alert): AlertRows {
  return { ...rows, items: rows.items.map((one) => (one.id === alert.id ? alert : one)) };
}

export function removed(rows: AlertRows, ids: string[]): AlertRows {
  const gone = new Set(ids);
  const items = rows.items.filter((one) => !gone.has(one.id));
  return { ...rows, items, total: rows.total - (rows.items.length - items.length) };
}

/** Puts an alert back where it was, or on top. */
export function inserted(rows: AlertRows, alert: Alert, at: number): AlertRows {
  if (rows.items.some((one) => one.id === alert.id)) return replaced(rows, alert);
  // The stream may have been faster than the answer, and the alert be held already.
  const held = rows.held.filter((one) => one.id !== alert.id);
  const total = rows.total + (held.length < rows.held.length ? 0 : 1);
  return { ...rows, items: rows.items.toSpliced(at, 0, alert), held, total };
}

/** Adds the next window; an alert that moved meanwhile is not shown twice. */
export function appended(rows: AlertRows, items: Alert[], next: string | null, total: number): AlertRows {
  const known = new Set(rows.items.map((one) => one.id));
  return { ...rows, items: [...rows.items, ...items.filter((one) => !known.has(one.id))], next, total };
}

/** Gives the alert as it will be once the server has agreed: a verdict closes, anything else takes it back. */
export function edited(alert: Alert, edit: Edit): Alert {
  const status = edit.verdict ? 'closed' : (edit.status ?? alert.status);
  return {
    ...alert,
    status,
    verdict: status === 'closed' ? (edit.verdict ?? alert.verdict) : null,
    assignee: edit.assignee === undefined ? alert.assignee : edit.assignee,
  };
}

/** Gives the edit that takes another one back. */
export function reversed(before: Alert): Edit {
  const state: Edit = before.verdict ? { verdict: before.verdict } : { status: before.status };
  return { ...state, assignee: before.assignee };
}

/** Gives the row to stand on after rows went: the one that moved into its place. */
export function cursorAfter(at: number, length: number): number {
  return length === 0 ? -1 : Math.min(Math.max(at, 0), length - 1);
}
