// Every call of the console, by the names of the product.

import { call, type CallOptions } from './client';
import type {
  Alert,
  AlertDetail,
  AlertFilter,
  AlertList,
  AuditList,
  Edit,
  EventCounts,
  EventList,
  EventRecord,
  ExportFate,
  FieldRow,
  LevelBucket,
  Overview,
  Role,
  RuleDetail,
  RuleList,
  RuleOverride,
  RulesHealth,
  RulesNews,
  RuleTrial,
  Session,
  SignedIn,
  Sort,
  Simulation,
  SqlField,
  SqlFunction,
  SqlResult,
  Token,
  TopValues,
} from './types';

/** A time span as the server wants it. */
export interface Between {
  from: string;
  to: string;
}

type Waiting = Pick<CallOptions, 'signal' | 'quiet'>;

export const session = () => call<Session>('GET', '/session', { quiet: true });
export const setUp = (body: { token: string; user: string; password: string }) =>
  call<void>('POST', '/setup', { body });
export const logIn = (body: { user: string; password: string }) => call<void>('POST', '/login', { body });
export const logOut = () => call<void>('POST', '/logout');
export const sessions = () => call<{ items: SignedIn[] }>('GET', '/sessions');
export const revokeSession = (id: string) => call<void>('DELETE', `/sessions/${encodeURIComponent(id)}`);

export const tokens = (waiting: Waiting = {}) => call<{ items: Token[] }>('GET', '/tokens', waiting);
export const makeToken = (body: { name: string; role: Role; days: number }) =>
  call<Token & { token: string }>('POST', '/tokens', { body });
export const revokeToken = (id: string) => call<void>('DELETE', `/tokens/${encodeURIComponent(id)}`);
export const audit = (page: { cursor?: string | null }, waiting: Waiting = {}) =>
  call<AuditList>('GET', '/audit', { query: { ...page }, ...waiting });

export const overview = (waiting: Waiting = {}) => call<Overview>('GET', '/overview', waiting);

export const alerts = (
  filter: AlertFilter,
  page: { sort?: Sort; cursor?: string | null; limit?: number },
  waiting: Waiting = {},
) => call<AlertList>('GET', '/alerts', { query: { ...filter, ...page }, ...waiting });
export const alertHistogram = (between: Between, buckets: number, waiting: Waiting = {}) =>
  call<{ buckets: LevelBucket[] }>('GET', '/alerts/histogram', { query: { ...between, buckets }, ...waiting });
export const alert = (id: string, waiting: Waiting = {}) =>
  call<AlertDetail>('GET', `/alerts/${encodeURIComponent(id)}`, waiting);
export const alertEvents = (id: string, waiting: Waiting = {}) =>
  call<{ items: EventRecord[] }>('GET', `/alerts/${encodeURIComponent(id)}/events`, waiting);
export const editAlert = (id: string, version: number, body: Edit) =>
  call<Alert>('PATCH', `/alerts/${encodeURIComponent(id)}`, { body, ifMatch: version });
export const editAlerts = (which: { ids: string[] } | { filter: AlertFilter }, change: Edit) =>
  call<{ changed: number; undo: string }>('POST', '/alerts/bulk', { body: { ...which, change } });
export const undoEdit = (undo: string) => call<unknown>('POST', '/alerts/undo', { body: { undo } });

export const events = (
  query: { q: string; limit: number; cursor?: string | null; order?: 'newest' | 'oldest' } & Between,
  waiting: Waiting = {},
) => call<EventList>('GET', '/events', { query: { ...query }, ...waiting });
export const eventHistogram = (query: { q: string; buckets: number } & Between, waiting: Waiting = {}) =>
  call<EventCounts>('GET', '/events/histogram', { query: { ...query }, ...waiting });
export const event = (id: string, waiting: Waiting = {}) =>
  call<EventRecord>('GET', `/events/${encodeURIComponent(id)}`, waiting);
export const fields = (waiting: Waiting = {}) => call<FieldRow[]>('GET', '/events/fields', waiting);
export const topValues = (query: { q: string; field: string } & Between, waiting: Waiting = {}) =>
  call<TopValues>('GET', '/events/fields', { query: { ...query }, ...waiting });

export const sql = (body: { sql: string; limit: number }, waiting: Waiting = {}) =>
  call<SqlResult>('POST', '/sql', { body, ...waiting });
export const exportFate = (name: string) => call<ExportFate>('GET', `/exports/${encodeURIComponent(name)}`, { quiet: true });
export const sqlSchema = (waiting: Waiting = {}) => call<{ items: SqlField[] }>('GET', '/sql/schema', waiting);
export const sqlFunctions = (waiting: Waiting = {}) => call<{ items: SqlFunction[] }>('GET', '/sql/functions', waiting);
export const rules = (waiting: Waiting = {}) => call<RuleList>('GET', '/rules', waiting);
export const rulesHealth = (waiting: Waiting = {}) => call<RulesHealth>('GET', '/rules/health', waiting);
export const reloadRules = () => call<RulesNews>('POST', '/rules/reload');
export const rule = (id: string, waiting: Waiting = {}) => call<RuleDetail>('GET', `/rules/${encodeURIComponent(id)}`, waiting);
export const overrideRule = (id: string, version: number, body: RuleOverride | null) =>
  call<{ before: RuleOverride | null; own: RuleOverride | null; version: number }>(
    body ? 'PUT' : 'DELETE',
    `/rules/${encodeURIComponent(id)}/override`,
    body ? { body, ifMatch: version } : { ifMatch: version },
  );
export const testRule = (body: { rule: string; from: string; to: string; limit: number }, waiting: Waiting = {}) =>
  call<RuleTrial>('POST', '/rules/test', { body, ...waiting });
export const simulation = () => call<Simulation>('GET', '/simulation', { quiet: true });
export const simulate = (action: 'start' | 'stop') =>
  call<Simulation>('POST', '/simulation', { body: { action } });
