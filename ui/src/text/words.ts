// The words for what the server names by keys.

import type { Status, Verdict } from '../api/types';

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

/** In which field the events carry an entity of that type. */
export const ENTITY_FIELDS: Record<string, string> = {
  address: 'source.ip',
  user: 'user.name',
  host: 'host.name',
};
