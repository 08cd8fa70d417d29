// What the pages ask in SQL. Nothing that somebody sent goes into these texts: only moments and names of ours.

export interface Between {
  from: string;
  to: string;
}

const BYTES = 'coalesce(network.bytes, coalesce(source.bytes, 0) + coalesce(destination.bytes, 0))';
const FLOW = `event.action = 'network_flow'`;
const DNS = `event.action IN ('dns_query', 'dns_answer') AND dns.question.name IS NOT NULL`;
const DECOY = `event.action LIKE 'decoy_%'`;
const SESSION = 'session.id';
const PASSWORD = `coalesce(field('bartizan.decoy.password'), field('bartizan.decoy.hash'), field('password'))`;

const DAY_MS = 86_400_000;

/** The widths that a chart's bars may have, in seconds, as SQL writes them. */
const WIDTHS: [number, string][] = [
  [10, '10s'],
  [60, '1m'],
  [300, '5m'],
  [900, '15m'],
  [3_600, '1h'],
  [21_600, '6h'],
  [86_400, '1d'],
  [604_800, '1w'],
];

/** Gives a width of bars, in milliseconds and as SQL writes it, that puts at most so many into a span. */
export function width(span: Between, bars: number): { ms: number; sql: string } {
  const wanted = (Date.parse(span.to) - Date.parse(span.from)) / 1000 / bars;
  const [seconds, sql] = WIDTHS.find(([one]) => one >= wanted) ?? [604_800, '1w'];
  return { ms: seconds * 1000, sql };
}

export interface Bar {
  from: number;
  to: number;
  counts: number[];
}

/** Gives the bars of a chart from rows of a moment and `series` numbers; where nothing happened there is a bar of zeros. */
export function barsOf(span: Between, ms: number, rows: unknown[][], series: number): Bar[] {
  const found = new Map(rows.map((row) => [Date.parse(String(row[0])), row.slice(1).map(Number)]));
  const [from, to] = [Date.parse(span.from), Date.parse(span.to)];
  const starts = [...found.keys()].filter((at) => at <= from);
  // Weeks begin on a Monday: where the first bar begins, a row tells better than arithmetic.
  const first = starts.length > 0 ? Math.max(...starts) : Math.floor(from / ms) * ms;
  const bars: Bar[] = [];
  for (let at = first; at < to; at += ms) {
    bars.push({ from: at, to: at + ms, counts: found.get(at) ?? Array.from({ length: series }, () => 0) });
  }
  return bars;
}

function within({ from, to }: Between): string {
  return `@timestamp >= '${from}' AND @timestamp < '${to}'`;
}

/** Sums, and how many flows, of each value of a column, the largest first. */
function largest(column: string, span: Between, where = FLOW): string {
  return `SELECT ${column} AS value, sum(${BYTES}) AS bytes, count(*) AS flows FROM events WHERE ${within(span)} AND ${where} AND ${column} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 3 DESC, 1 LIMIT 12`;
}

export const network = {
  /** Bytes in both directions and flows, by time. */
  overTime: (span: Between, bars: number) =>
    `SELECT bucket(@timestamp, '${width(span, bars).sql}') AS at, sum(coalesce(source.bytes, 0)) AS sent, sum(coalesce(destination.bytes, 0)) AS received, count(*) AS flows FROM events WHERE ${within(span)} AND ${FLOW} GROUP BY 1 ORDER BY 1`,
  sources: (span: Between) => largest('source.ip', span),
  destinations: (span: Between) => largest('destination.ip', span),
  protocols: (span: Between) => largest('coalesce(network.protocol, network.transport)', span),
  ports: (span: Between) => largest('destination.port', span),
  names: (span: Between) =>
    `SELECT dns.question.name AS value, count(*) AS questions, count(DISTINCT source.ip) AS askers FROM events WHERE ${within(span)} AND ${DNS} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 12`,
  rareNames: (span: Between) =>
    `SELECT dns.question.name AS value, count(*) AS questions, count(DISTINCT source.ip) AS askers FROM events WHERE ${within(span)} AND ${DNS} GROUP BY 1 ORDER BY 2, 1 LIMIT 12`,
  longNames: (span: Between) =>
    `SELECT dns.question.name AS value, length(dns.question.name) AS length, count(*) AS questions FROM events WHERE ${within(span)} AND ${DNS} GROUP BY 1, 2 ORDER BY 2 DESC, 1 LIMIT 12`,
  /** Machines of the own network that the day before the span did not show. */
  newMachines: (span: Between) => fresh('source.ip', 'source.ip AS value', span),
  /** Services in the own network that the day before the span did not show. */
  newServices: (span: Between) => fresh('destination.ip', 'destination.ip AS value, destination.port AS port', span),
};

/** Values of the span that did not occur within the day before it: their first time lies within the span. */
function fresh(address: string, columns: string, span: Between): string {
  const longer = { from: new Date(Date.parse(span.from) - DAY_MS).toISOString(), to: span.to };
  const keys = columns.includes(',') ? '1, 2' : '1';
  return `SELECT ${columns}, count(*) AS flows, min(@timestamp) AS first FROM events WHERE ${within(longer)} AND ${FLOW} AND is_private(${address}) AND coalesce(destination.packets, 1) > 0 GROUP BY ${keys} HAVING min(@timestamp) >= '${span.from}' ORDER BY first DESC LIMIT 12`;
}

export const decoys = {
  /** What was done, by time. */
  overTime: (span: Between, bars: number) =>
    `SELECT bucket(@timestamp, '${width(span, bars).sql}') AS at, count(*) AS deeds FROM events WHERE ${within(span)} AND ${DECOY} GROUP BY 1 ORDER BY 1`,
  sensors: (span: Between) =>
    `SELECT coalesce(observer.name, event.dataset) AS value, count(DISTINCT ${SESSION}) AS sessions, count(DISTINCT source.ip) AS sources, max(@timestamp) AS last FROM events WHERE ${within(span)} AND ${DECOY} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 50`,
  sessions: (span: Between) =>
    `SELECT ${SESSION} AS session, max(source.ip) AS source, max(coalesce(observer.name, event.dataset)) AS decoy, min(@timestamp) AS first, max(@timestamp) AS last, sum(CASE WHEN event.action = 'decoy_login' THEN 1 ELSE 0 END) AS logins, sum(CASE WHEN event.action = 'decoy_command' THEN 1 ELSE 0 END) AS commands, sum(CASE WHEN file.hash.sha256 IS NOT NULL THEN 1 ELSE 0 END) AS files, count(*) AS deeds FROM events WHERE ${within(span)} AND ${DECOY} AND ${SESSION} IS NOT NULL GROUP BY 1 ORDER BY 5 DESC LIMIT 1000`,
  credentials: (span: Between) =>
    `SELECT coalesce(user.name, '') AS value, coalesce(${PASSWORD}, '') AS password, count(*) AS tries, count(DISTINCT source.ip) AS sources FROM events WHERE ${within(span)} AND event.action = 'decoy_login' GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 50`,
  commands: (span: Between) =>
    `SELECT process.command_line AS value, count(*) AS times, count(DISTINCT source.ip) AS sources FROM events WHERE ${within(span)} AND ${DECOY} AND process.command_line IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 50`,
  sources: (span: Between) =>
    `SELECT source.ip AS value, count(DISTINCT ${SESSION}) AS sessions, count(*) AS deeds FROM events WHERE ${within(span)} AND ${DECOY} AND source.ip IS NOT NULL GROUP BY 1 ORDER BY 3 DESC, 1 LIMIT 12`,
  requests: (span: Between) =>
    `SELECT url.path AS value, count(*) AS requests, count(DISTINCT source.ip) AS sources FROM events WHERE ${within(span)} AND ${DECOY} AND url.path IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 50`,
  files: (span: Between) =>
    `SELECT file.hash.sha256 AS value, max(file.name) AS name, max(file.size) AS size, count(*) AS times, max(@timestamp) AS last FROM events WHERE ${within(span)} AND ${DECOY} AND file.hash.sha256 IS NOT NULL GROUP BY 1 ORDER BY 5 DESC LIMIT 50`,
};
