// The words for what the server names by keys.

import type { Alert, Status, Verdict } from '../api/types';

export const VERDICT_WORDS: Record<Verdict, string> = {
  true_positive: 'true positive',
  false_positive: 'false positive',
  benign: 'benign',
  duplicate: 'duplicate',
};

export const STATUS_WORDS: Record<Status, string> = {
  open: 'Open',
  acknowledged: 'Acknowledged',
  closed: 'Closed',
};

/** Gives why an alert was raised, for a row whose column before it names the entity already. */
export function whyBeside(alert: Pick<Alert, 'entity' | 'summary'>): string {
  const name = alert.entity?.value ?? '';
  return name !== '' && alert.summary.startsWith(`${name} `) ? alert.summary.slice(name.length + 1) : alert.summary;
}

/** Gives what a rule's writer noted, one sentence after the other. */
export function sentences(texts: string[]): string {
  return texts.map((text) => (/[.!?]$/.test(text.trim()) ? text.trim() : `${text.trim()}.`)).join(' ');
}

/** In which field the events carry an entity of that type. */
export const ENTITY_FIELDS: Record<string, string> = {
  address: 'source.ip',
  user: 'user.name',
  host: 'host.name',
};
