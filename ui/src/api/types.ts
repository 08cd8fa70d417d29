// The shapes of /api/v1, as the server gives them.

export const LEVELS = ['critical', 'high', 'medium', 'low', 'informational'] as const;
export type Level = (typeof LEVELS)[number];

export const ROLES = ['viewer', 'analyst', 'administrator'] as const;
export type Role = (typeof ROLES)[number];

export const STATUSES = ['open', 'acknowledged', 'closed'] as const;
export type Status = (typeof STATUSES)[number];

export const VERDICTS = ['true_positive', 'false_positive', 'benign', 'duplicate'] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface Session {
  state: 'setup' | 'login' | 'in';
  user: { name: string; role: Role } | null;
  csrf: string | null;
  version: string;
  demo: boolean;
}

export interface SignedIn {
  id: string;
  created?: string;
  last_seen?: string;
  address?: string;
  user_agent?: string;
  current?: boolean;
}

export interface Input {
  name: string;
  address: string;
  received: number;
  dropped: number;
  last_event: string | null;
}

export interface Overview {
  /** Since the server started; what is kept is in `store`. */
  events_total: number;
  events_per_second: number;
  alerts_open: number;
  alerts_critical: number;
  parse_unknown: number;
  inputs: Input[];
  store: { bytes: number; segments: number; in_memory: number; events: number };
  started_at: string;
}

export interface Entity {
  type: string;
  value: string;
}

export interface Alert {
  id: string;
  rule_id: string;
  title: string;
  level: Level;
  tags: string[];
  entity: Entity | null;
  summary: string;
  status: Status;
  verdict: Verdict | null;
  assignee: string | null;
  count: number;
  first: string;
  last: string;
  events: number;
  simulated: boolean;
  version: number;
}

export interface AlertChange {
  at: string;
  by: string;
  change: string;
  note: string | null;
}

export interface Rule {
  id: string;
  title: string;
  level: Level;
  status: string;
  tags: string[];
  description: string;
  path: string;
  logsource: string;
  kind: string;
  references?: string[];
  false_positives?: string[];
  author?: string;
  license?: string;
  /** Whether it may match at all. */
  enabled?: boolean;
  /** Whether it makes alerts of its own. */
  reports?: boolean;
  /** The level that its file gives, where another one was set here. */
  level_given?: Level | null;
  /** What is taken out of it here, as queries. */
  exceptions?: string[];
  reason?: string;
}

/** What this installation says of a rule, apart from the rule's file. */
export interface RuleOverride {
  enabled: boolean | null;
  level: Level | null;
  exceptions: string[];
  reason: string;
}

export interface RuleDetail extends Rule {
  text: string;
  examples: { lines: string[]; matches: boolean }[];
  own: RuleOverride | null;
  version: number;
}

export const VERDICTS_OF_RULES = ['able', 'blind', 'silent', 'disabled'] as const;
export type RuleVerdict = (typeof VERDICTS_OF_RULES)[number];

/** Whether a rule could fire here and now. */
export interface RuleHealth {
  id: string;
  verdict: RuleVerdict;
  source_last: string | null;
  source_per_hour: number;
  missing: string[];
  could: string | null;
  fired: string | null;
  hits: number;
  evaluations: number;
  share: number;
}

export interface RulesHealth {
  since: string | null;
  at: string;
  silent_after_seconds: number;
  items: RuleHealth[];
}

export interface RulesStatus {
  loads: number;
  loaded_at: string;
  took_ms: number;
  added: number;
  removed: number;
  changed: number;
}

/** The rules were loaded again. */
export interface RulesNews extends RulesStatus {
  rules: number;
  faults: number;
}

export interface RuleList {
  items: Rule[];
  faults: RuleFault[];
  status?: RulesStatus;
}

export interface RuleTrial {
  titles: string[];
  reports: boolean;
  from: string;
  to: string;
  events: number;
  hits: number;
  days: { day: string; hits: number }[];
  detections: { time: string; rule_id: string; title: string; level: Level; entity: string | null; count: number; summary: string; events: string[] }[];
  is_complete: boolean;
  took_ms: number;
}

export interface RuleFault {
  path: string;
  line: number;
  column: number;
  message: string;
  /** Whether an earlier version of the file stays in force. */
  kept?: boolean;
}

export interface AlertDetail extends Alert {
  history: AlertChange[];
  rule: Partial<Rule> | null;
}

export interface Edit {
  status?: Status;
  verdict?: Verdict;
  assignee?: string | null;
  note?: string;
}

export interface AlertFilter {
  status?: string;
  level?: string;
  rule?: string;
  entity?: string;
  assignee?: string;
  q?: string;
  /** Bounds of the last happening. */
  from?: string;
  to?: string;
}

export const SORTS = ['last', 'first', 'level', 'count'] as const;
export type Sort = (typeof SORTS)[number];

export interface AlertList {
  items: Alert[];
  next: string | null;
  total: number;
}

export interface LevelBucket {
  from: string;
  to: string;
  counts: Partial<Record<Level, number>>;
}

/** What a program holds in place of a password, without what it holds. */
export interface Token {
  id: string;
  user: string;
  name: string;
  role: Role;
  created: string;
  expires: string | null;
  last_used: string | null;
  last_address: string | null;
  /** Whether it opens anything now. */
  good: boolean;
}

/** Something that somebody did, or was not let do. */
export interface AuditItem {
  id: string;
  at: string;
  last: string;
  by: string;
  address: string;
  action: string;
  detail: string;
  refused: boolean;
  times: number;
}

export interface AuditList {
  items: AuditItem[];
  next: string | null;
  /** Refusals whose records went because there were too many. */
  forgotten: number;
}

export interface EventBucket {
  from: string;
  to: string;
  count: number;
}

export interface EventCounts {
  buckets: EventBucket[];
  total: number;
  /** Segments that could not be read: the counts are of what is left. */
  warnings?: string[];
}

/** An event as nested ECS JSON. */
export type EventRecord = Record<string, unknown>;

export interface EventList {
  items: EventRecord[];
  next: string | null;
  took_ms: number;
  truncated: boolean;
  /** Segments that could not be read: the answer is from what is left. */
  warnings?: string[];
}

export interface FieldRow {
  name: string;
  kind: string;
  summary: string;
}

export interface TopValues {
  field: string;
  values: { value: unknown; count: number }[];
  /** Happenings of values that are not listed. */
  other: number;
  missing: number;
}

export interface SqlResult {
  columns: { name: string; type: string }[];
  rows: unknown[][];
  truncated: boolean;
  took_ms: number;
  /** Segments that could not be read: the answer is from what is left. */
  warnings?: string[];
}

/** A field that SQL can ask for. */
export interface SqlField {
  name: string;
  kind: string;
  meaning: string;
  /** In how many stored events it occurs. */
  events: number;
  /** Whether `events` is that number; otherwise it is not more than that. */
  exact: boolean;
  column: boolean;
}

/** A function of SQL beside the standard ones. */
export interface SqlFunction {
  call: string;
  gives: string;
  example: string;
}

/** The shape of an exported file. */
export type ExportFormat = 'spreadsheet' | 'csv' | 'json' | 'parquet';

/** What became of an export. */
export interface ExportFate {
  state: 'running' | 'whole' | 'broken';
  bytes: number;
  /** Segments that could not be read: the file has what is left. */
  warnings?: string[];
}

export interface Simulation {
  running: boolean;
  sent: number;
  until: string | null;
}

export type LiveAlert = Alert & { change: 'created' | 'grown' | 'edited' };
