// The calls of /api/v1, as the stand-in answers them.

import { KqlError, parse } from './kql.mjs';
import { LEVELS, RULES } from './world.mjs';

class Refusal extends Error {
  constructor(status, code, detail, extra = {}) {
    super(detail);
    Object.assign(this, { status, code, extra });
  }
}

export async function routes(world, request, response, url) {
  try {
    const body = await json(request);
    const session = world.sessions.get(/bartizan_session=([^;]+)/.exec(request.headers.cookie ?? '')?.[1]);
    const path = url.pathname.replace('/api/v1', '');
    const found = await answer({ world, request, response, query: url.searchParams, body, session, path });
    if (response.writableEnded || response.headersSent) return;
    if (found === undefined) response.writeHead(204).end();
    else response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(JSON.stringify(found));
  } catch (error) {
    const refusal = error instanceof Refusal ? error : error instanceof KqlError
      ? new Refusal(400, 'bad_query', error.message, { column: error.column })
      : new Refusal(500, 'internal', String(error?.stack ?? error));
    response.writeHead(refusal.status, { 'content-type': 'application/problem+json' });
    response.end(JSON.stringify({ type: 'about:blank', title: refusal.code, status: refusal.status, detail: refusal.message, code: refusal.code, request_id: 'mock-1', ...refusal.extra }));
  }
}

async function json(request) {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text ? JSON.parse(text) : {};
}

function logIn({ world, request, response }) {
  const id = world.open(request.headers['user-agent']);
  response.setHeader('set-cookie', `bartizan_session=${id}; HttpOnly; SameSite=Strict; Path=/`);
}

const OUTSIDE = {
  'GET /session': ({ world, session }) => ({
    state: session ? 'in' : world.user ? 'login' : 'setup',
    user: session ? { name: world.user, role: 'administrator' } : null,
    csrf: session?.csrf ?? null,
    version: '0.1.0',
    demo: world.simulation.running,
  }),
  'POST /setup': (call) => {
    const { world, body } = call;
    if (world.user) throw new Refusal(409, 'already_set_up', 'the administrator exists already');
    if (body.token !== world.setupToken) throw new Refusal(403, 'setup_expired', 'the set-up link is not valid; restart the server for a new one');
    world.createUser(body.user, body.password);
    logIn(call);
  },
  'POST /login': (call) => {
    const { world, body } = call;
    if (world.attempts >= 5) throw new Refusal(429, 'too_many_attempts', 'too many attempts', { retry_after_seconds: 7 });
    if (body.user !== world.user || body.password !== world.password) {
      world.attempts += 1;
      setTimeout(() => (world.attempts = 0), 7_000);
      throw new Refusal(401, 'wrong_credentials', 'user name or password is wrong');
    }
    logIn(call);
  },
};

const INSIDE = {
  'POST /logout': ({ world, session }) => forget(world, session),
  'GET /sessions': ({ world, session }) => ({ items: [...world.sessions.values()].map(({ csrf: _csrf, ...one }) => ({ ...one, current: one.id === session.id })) }),
  'GET /overview': ({ world }) => world.overview(),
  'GET /alerts': ({ world, query }) => listed(world, query),
  'GET /alerts/histogram': ({ world, query }) => {
    const buckets = split(query).map((bucket) => ({ ...bucket, counts: {} }));
    for (const alert of world.alerts.values()) {
      const bucket = buckets.find((one) => alert.last >= one.from && alert.last < one.to);
      if (bucket) bucket.counts[alert.level] = (bucket.counts[alert.level] ?? 0) + 1;
    }
    return { buckets };
  },
  'POST /alerts/bulk': ({ world, body }) => {
    const filter = new URLSearchParams(body.filter ?? {});
    const alerts = body.ids ? body.ids.map((id) => world.alerts.get(id)) : matching(world, filter);
    const undo = `undo-${world.undos.size + 1}`;
    world.undos.set(undo, alerts);
    for (const alert of alerts) world.edit(alert, body.change, world.user);
    world.tell('refetch', {});
    return { changed: alerts.length, undo };
  },
  'POST /alerts/undo': ({ world, body }) => {
    for (const { id, status, verdict, assignee } of world.undos.get(body.undo) ?? []) world.edit(world.alerts.get(id), { ...(verdict ? { verdict } : { status }), assignee }, world.user);
    return {};
  },
  'GET /events': ({ world, query }) => {
    const found = searched(world, query).toReversed();
    const at = Number(query.get('cursor') ?? 0);
    const limit = Number(query.get('limit') ?? 200);
    const items = found.slice(at, at + limit).map((event) => nested(event, 512));
    return { items, next: at + limit < found.length ? String(at + limit) : null, took_ms: 3, truncated: false };
  },
  'GET /events/histogram': ({ world, query }) => {
    const found = searched(world, query);
    const buckets = split(query).map((bucket) => ({ ...bucket, count: 0 }));
    const start = Date.parse(query.get('from'));
    const width = (Date.parse(query.get('to')) - start) / buckets.length;
    for (const event of found) buckets[Math.min(buckets.length - 1, Math.floor((Date.parse(event.time) - start) / width))].count += 1;
    return { buckets, total: found.length };
  },
  'GET /events/fields': ({ world, query }) => {
    const field = query.get('field');
    if (!field) {
      const names = new Set(world.events.slice(-2000).flatMap((event) => Object.keys(event.fields)));
      return [...names, 'file.path', 'process.name', 'dns.question.name'].sort().map((name) => ({ name, kind: 'keyword', summary: `The field ${name}.` }));
    }
    const counts = new Map();
    let missing = 0;
    for (const event of searched(world, query)) {
      const value = event.fields[field];
      if (value === undefined) missing += 1;
      else counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    const values = [...counts].map(([value, count]) => ({ value, count })).sort((one, other) => other.count - one.count);
    const other = values.slice(10).reduce((sum, row) => sum + row.count, 0);
    return { field, values: values.slice(0, 10), other, missing, truncated: false };
  },
  'POST /sql': ({ world, body }) => {
    if (!/^\s*select\b/i.test(body.sql)) throw new Refusal(400, 'bad_sql', 'only SELECT is allowed', { line: 1, column: 1 });
    const field = /(\w+\.\w+)/.exec(body.sql)?.[1] ?? 'event.module';
    const counts = new Map();
    for (const event of world.events) counts.set(event.fields[field] ?? null, (counts.get(event.fields[field] ?? null) ?? 0) + 1);
    return { columns: [{ name: field, type: 'Utf8' }, { name: 'count', type: 'Int64' }], rows: [...counts].slice(0, body.limit), truncated: false, took_ms: 2 };
  },
  'GET /rules': () => ({ items: RULES, faults: [{ path: 'rules/broken.yml', line: 12, column: 5, message: 'unknown modifier `startwith`; did you mean `startswith`?' }] }),
  'GET /rules/health': () => ({
    since: new Date(Date.now() - 3_600_000).toISOString(),
    at: new Date().toISOString(),
    silent_after_seconds: 86_400,
    items: RULES.map((rule, at) => health(rule, at)),
  }),
  'GET /simulation': ({ world }) => world.simulation,
  'POST /simulation': ({ world, body }) => world.simulate(body.action),
  'GET /live': ({ world, response }) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write('event: hello\ndata: {}\n\n');
    response.write(`event: counters\ndata: ${JSON.stringify(world.overview())}\n\n`);
    world.streams.add(response);
    const beat = setInterval(() => response.write(': beat\n\n'), 15_000);
    response.on('close', () => {
      clearInterval(beat);
      world.streams.delete(response);
    });
    return null;
  },
};

async function answer(call) {
  const { request, path, session, world } = call;
  const name = `${request.method} ${path}`;
  if (OUTSIDE[name]) return OUTSIDE[name](call);
  if (!session) throw new Refusal(401, 'not_signed_in', 'log in first');
  if (request.method !== 'GET' && request.headers['x-bartizan-csrf'] !== session.csrf) throw new Refusal(403, 'csrf', 'the request carries no valid token');
  if (INSIDE[name]) return INSIDE[name](call);
  const [, kind, id, part] = path.split('/').map(decodeURIComponent);
  if (kind === 'sessions' && request.method === 'DELETE') return forget(world, [...world.sessions.values()].find((one) => one.id === id));
  if (kind === 'events') return oneEvent(world, id);
  if (kind === 'rules' && !part && request.method === 'GET') return oneRule(id);
  if (kind === 'alerts') return oneAlert(call, id, part);
  throw new Refusal(404, 'not_found', 'no such call');
}

function health(rule, at) {
  const verdict = ['able', 'able', 'blind', 'silent'][at % 4];
  const last = verdict === 'silent' ? null : new Date(Date.now() - 40_000).toISOString();
  return {
    id: rule.id,
    verdict,
    source_last: last,
    source_per_hour: last ? 120 * (at + 1) : 0,
    missing: verdict === 'blind' ? ['user.name'] : [],
    could: verdict === 'able' ? last : null,
    fired: verdict === 'able' ? last : null,
    hits: verdict === 'able' ? at + 1 : 0,
    evaluations: 100 * at,
    share: at / 100,
  };
}

function oneRule(id) {
  const rule = RULES.find((one) => one.id === id);
  if (!rule) throw new Refusal(404, 'not_found', 'there is no such rule');
  return { ...rule, text: `title: ${rule.title}\n`, examples: [], own: null, version: 0 };
}

function forget(world, session) {
  for (const [key, one] of world.sessions) if (one === session) world.sessions.delete(key);
}

function oneEvent(world, id) {
  const event = world.events[Number(id) - 1];
  if (!event) throw new Refusal(404, 'not_found', 'no such event');
  return nested(event, Infinity);
}

function oneAlert({ world, request, body }, id, part) {
  const alert = world.alerts.get(id);
  if (!alert) throw new Refusal(404, 'not_found', 'no such alert');
  if (part === 'events') return { items: world.evidence.get(id).map((event) => nested(event, Infinity)) };
  if (request.method === 'PATCH') {
    if (request.headers['if-match'] !== `"${alert.version}"`) throw new Refusal(412, 'changed', 'the alert was changed meanwhile');
    if (body.verdict ? body.status && body.status !== 'closed' : body.status === 'closed') throw new Refusal(400, 'unfit', 'closing needs a verdict, and a verdict closes');
    return world.edit(alert, body, world.user);
  }
  return { ...alert, history: world.history.get(id), rule: RULES.find((rule) => rule.id === alert.rule_id) };
}

const ORDERS = {
  last: (one, other) => other.last.localeCompare(one.last),
  first: (one, other) => other.first.localeCompare(one.first),
  level: (one, other) => LEVELS.indexOf(other.level) - LEVELS.indexOf(one.level),
  count: (one, other) => other.count - one.count,
};

function matching(world, query) {
  const among = (name, value) => !query.get(name) || query.get(name).split(',').includes(value);
  const q = (query.get('q') ?? '').toLowerCase();
  return [...world.alerts.values()]
    .filter((one) => among('status', one.status) && among('level', one.level) && among('rule', one.rule_id) && among('assignee', one.assignee) && (among('entity', one.entity.value) || among('entity', `${one.entity.type}:${one.entity.value}`)))
    .filter((one) => `${one.title} ${one.summary} ${one.entity.value} ${one.tags.join(' ')}`.toLowerCase().includes(q))
    .filter((one) => one.last >= (query.get('from') ?? '') && one.last <= (query.get('to') ?? '9'))
    .sort(ORDERS[query.get('sort') ?? 'last']);
}

function listed(world, query) {
  const found = matching(world, query);
  const at = Number(query.get('cursor') ?? 0);
  const limit = Number(query.get('limit') ?? 50);
  return { items: found.slice(at, at + limit), next: at + limit < found.length ? String(at + limit) : null, total: found.length };
}

function searched(world, query) {
  const test = parse(query.get('q') ?? '');
  const [from, to] = [query.get('from'), query.get('to')];
  return world.events.filter((event) => event.time >= from && event.time <= to && test(event));
}

function split(query) {
  const from = Date.parse(query.get('from'));
  const to = Date.parse(query.get('to'));
  const count = Number(query.get('buckets') ?? 60);
  const iso = (index) => new Date(from + ((to - from) * index) / count).toISOString();
  return Array.from({ length: count }, (_one, index) => ({ from: iso(index), to: iso(index + 1) }));
}

function nested(event, charsMax) {
  const out = {};
  for (const [name, value] of Object.entries(event.fields)) {
    const parts = name.split('.');
    const leaf = parts.pop();
    let at = out;
    for (const part of parts) at = at[part] ??= {};
    at[leaf] = typeof value === 'string' ? value.slice(0, charsMax) : value;
  }
  return out;
}
