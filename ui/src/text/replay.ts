// The events of one decoy session as lines that can be read from top to bottom.

import type { EventRecord } from '../api/types';
import { leavesOf, textOf } from './event';

export interface ReplayLine {
  /** When it happened. */
  at: string;
  /** How long after the first, as `1:02.3`. */
  after: string;
  deed: string;
  what: string;
}

const DEEDS: Record<string, string> = {
  decoy_connection: 'came',
  decoy_login: 'log-in',
  decoy_command: 'typed',
  decoy_query: 'asked',
  decoy_request: 'requested',
  decoy_download: 'fetched',
  decoy_upload: 'left',
  decoy_scan: 'probed',
  decoy_disconnect: 'went',
};

/** What tells a deed best: the first of these that the event has, and what stands beside it. */
const TELLING = [
  ['process.command_line'],
  ['user.name', 'bartizan.decoy.password', 'bartizan.decoy.hash', 'password'],
  ['http.request.method', 'url.original'],
  ['url.full'],
  ['file.name', 'file.hash.sha256'],
  ['bartizan.decoy.client', 'user_agent.original'],
  ['message'],
];

/** Gives the lines of a session; the events come in the order of their time. */
export function replayed(events: EventRecord[]): ReplayLine[] {
  const first = Date.parse(textOf(events[0]?.['@timestamp'] ?? ''));
  return events.map((event) => {
    const leaves = new Map(leavesOf(event).map((leaf) => [leaf.name, textOf(leaf.value)]));
    const at = textOf(event['@timestamp'] ?? '');
    const action = leaves.get('event.action') ?? '';
    const telling = TELLING.map((names) => names.flatMap((name) => leaves.get(name) ?? [])).find((said) => said.length > 0);
    const outcome = leaves.get('event.outcome');
    const what = [telling?.join('  ') ?? '', outcome === 'success' ? '(let in)' : ''].filter((part) => part !== '').join('  ');
    return { at, after: span(Date.parse(at) - first), deed: DEEDS[action] ?? action.replace(/^decoy_/, ''), what };
  });
}

function span(milliseconds: number): string {
  const tenths = Math.max(0, Math.round(milliseconds / 100));
  const minutes = Math.floor(tenths / 600);
  const rest = ((tenths % 600) / 10).toFixed(1).padStart(4, '0');
  return `${minutes}:${rest}`;
}
