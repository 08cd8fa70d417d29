// The events, alerts and people of the stand-in.

import { randomUUID } from 'node:crypto';

const LEVELS = ['informational', 'low', 'medium', 'high', 'critical'];

export const RULES = [
  ['password_spray', 'Many failed log-ins from one address', 'high', 'correlation', ['attack.t1110.003', 'attack.credential-access'], 'builtin/ssh_password_spray.yml'],
  ['sudo_unknown', 'Sudo by a user without the right', 'medium', 'rule', ['attack.t1548.003'], 'builtin/linux/sudo_unknown.yml'],
  ['web_sql_injection', 'SQL injection against a web server', 'critical', 'rule', ['attack.t1190'], 'builtin/web/sql_injection.yml'],
  ['path_traversal', 'Path traversal against a web server', 'high', 'rule', ['attack.t1190'], 'builtin/web/path_traversal.yml'],
  ['new_user', 'A user was created', 'low', 'rule', ['attack.t1136.001'], 'builtin/linux/new_user.yml'],
  ['service_restart', 'A service restarted again and again', 'informational', 'correlation', [], 'builtin/linux/service_restart.yml'],
].map(([id, title, level, kind, tags, path]) => ({
  id, title, level, kind, tags, path,
  status: 'stable',
  description: `${title}. Tells of an attempt that an analyst should look at; the evidence holds the lines.`,
  logsource: 'product: linux, service: sshd',
  references: [],
  false_positives: ['Somebody who forgot the password'],
}));

export class World {
  setupToken = 'mock-setup-token';
  user = null;
  password = '';
  sessions = new Map();
  events = [];
  alerts = new Map();
  history = new Map();
  evidence = new Map();
  undos = new Map();
  streams = new Set();
  sent = [];
  attempts = 0;
  simulation = { running: false, sent: 0, until: null };
  inputs = [
    { name: 'syslog', address: '0.0.0.0:5514', received: 0, dropped: 0, last_event: null },
    { name: 'syslog-tcp', address: '0.0.0.0:5514', received: 0, dropped: 0, last_event: null },
  ];
  startedAt = new Date().toISOString();
  #random = 1;
  #windows = new Map();
  #liveId = 0;

  random() {
    this.#random = (this.#random * 48271) % 2147483647;
    return this.#random / 2147483647;
  }

  createUser(name, password) {
    this.user = name;
    this.password = password;
  }

  open(agent) {
    const id = randomUUID();
    const now = new Date().toISOString();
    this.sessions.set(id, { id: id.slice(0, 8), created: now, last_seen: now, address: '127.0.0.1', user_agent: agent, csrf: randomUUID() });
    return id;
  }

  seed() {
    const now = Date.now();
    for (let at = now - 24 * 3_600_000; at < now - 1_000; at += 8_000 + this.random() * 30_000) this.#sample(at);
    for (let index = 0; index < 60; index += 1) {
      const rule = RULES[Math.floor(this.random() * RULES.length)];
      const last = now - this.random() * 23 * 3_600_000;
      this.#alert(rule, this.address(), last, this.events.slice(index * 3, index * 3 + 4), false);
    }
    const nasty = this.#alert(RULES[2], '<script>alert(1)</script>', now - 5_000, [], false);
    nasty.summary = '"><img src=x onerror=alert(1)> asked for /index.php?id=1 UNION SELECT';
  }

  address() {
    return `203.0.113.${Math.floor(this.random() * 40) + 1}`;
  }

  #sample(at) {
    const ip = this.address();
    const user = ['root', 'admin', 'deploy', 'alice', 'x" from 10.0.0.1'][Math.floor(this.random() * 5)];
    const kinds = [
      () => this.add(at, `sshd[411]: Failed password for ${user} from ${ip} port 51514 ssh2`),
      () => this.add(at, `sshd[412]: Accepted publickey for alice from ${ip} port 51514 ssh2`),
      () => this.add(at, `nginx: ${ip} - - "GET /index.php?id=${Math.floor(this.random() * 99)} HTTP/1.1" 200 512`),
      () => this.add(at, 'systemd[1]: Started Daily apt upgrade and clean activities.'),
      () => this.add(at, `cron[77]: (root) CMD (${'x'.repeat(600)} <b>bold</b>)`),
    ];
    return kinds[Math.floor(this.random() * kinds.length)]();
  }

  /** Takes a line from the network. */
  line(text) {
    const event = this.add(Date.now(), text.replace(/^<\d+>/, '').replace(/^\w{3} +\d+ [\d:]+ \S+ /, ''), text);
    const input = this.inputs[0];
    input.received += 1;
    input.last_event = event.time;
    this.#detect(event, false);
    this.counters();
  }

  add(at, message, original = `<38>Nov 21 07:00:00 web-1 ${message}`) {
    const time = new Date(at).toISOString();
    const fields = {
      '@timestamp': time,
      'event.id': String(this.events.length + 1),
      'event.ingested': time,
      'event.original': original,
      'bartizan.input': 'syslog',
      'host.name': 'web-1',
      message,
    };
    const ssh = /(Failed|Accepted) (\w+) for (?:invalid user )?(.*) from (\S+) port (\d+)/.exec(message);
    const web = /nginx: (\S+) .*"(\w+) (\S+) .*" (\d+)/.exec(message);
    if (ssh) Object.assign(fields, { 'event.module': 'sshd', 'event.action': 'ssh_login', 'event.outcome': ssh[1] === 'Failed' ? 'failure' : 'success', 'ssh.method': ssh[2], 'user.name': ssh[3], 'source.ip': ssh[4], 'source.port': Number(ssh[5]), 'event.category': ['authentication'] });
    else if (web) Object.assign(fields, { 'event.module': 'nginx_access', 'source.ip': web[1], 'http.request.method': web[2], 'url.original': web[3], 'http.response.status_code': Number(web[4]) });
    else fields['event.module'] = message.startsWith('systemd') ? 'systemd' : 'unknown';
    const event = { time, fields, original };
    this.events.push(event);
    return event;
  }

  #detect(event, simulated) {
    if (event.fields['event.outcome'] !== 'failure') return;
    const ip = event.fields['source.ip'];
    const seen = [...(this.#windows.get(ip) ?? []), event].slice(-100);
    this.#windows.set(ip, seen);
    if (seen.length >= 5) this.#alert(RULES[0], ip, Date.parse(event.time), seen, simulated);
  }

  #alert(rule, entity, last, evidence, simulated) {
    const known = [...this.alerts.values()].find((one) => one.rule_id === rule.id && one.entity.value === entity && one.status !== 'closed');
    const id = known?.id ?? String(this.alerts.size + 1);
    const first = evidence[0]?.time ?? new Date(last).toISOString();
    const alert = {
      id,
      rule_id: rule.id,
      title: rule.title,
      level: rule.level,
      tags: rule.tags,
      entity: { type: 'address', value: entity },
      summary: `${Math.max(1, evidence.length)} failed log-ins from ${entity} within a minute`,
      status: known?.status ?? 'open',
      verdict: null,
      assignee: known?.assignee ?? null,
      count: Math.max(1, evidence.length),
      first,
      last: new Date(last).toISOString(),
      events: evidence.length,
      simulated,
      version: known?.version ?? 1,
    };
    this.alerts.set(id, alert);
    this.evidence.set(id, evidence);
    if (!known) this.history.set(id, []);
    this.tell('alert', { ...alert, change: known ? 'grown' : 'created' });
    return alert;
  }

  edit(alert, change, by) {
    const { note, ...rest } = change;
    const next = { ...alert, ...rest, version: alert.version + 1 };
    if (rest.verdict) next.status = 'closed';
    else if (rest.status) next.verdict = null;
    this.alerts.set(alert.id, next);
    const words = Object.entries(rest).map(([name, value]) => `${name}: ${value ?? 'none'}`);
    this.history.get(alert.id).push({ at: new Date().toISOString(), by, change: words.join(', ') || 'note', note: note ?? null });
    this.tell('alert', { ...next, change: 'edited' });
    this.counters();
    return next;
  }

  simulate(action) {
    const stop = action === 'stop';
    this.simulation = { running: !stop, sent: this.simulation.sent, until: stop ? null : new Date(Date.now() + 60_000).toISOString() };
    clearInterval(this.timer);
    if (!stop) {
      this.timer = setInterval(() => {
        for (let count = 0; count < 5; count += 1) {
          const event = this.#sample(Date.now());
          event.fields['bartizan.simulated'] = true;
          this.simulation.sent += 1;
          this.inputs[0].received += 1;
          this.inputs[0].last_event = event.time;
          this.#detect(event, true);
        }
        this.counters();
      }, 300);
    }
    this.tell('simulation', this.simulation);
    return this.simulation;
  }

  overview() {
    const alerts = [...this.alerts.values()].filter((one) => one.status === 'open');
    const recent = this.events.slice(-500).filter((event) => Date.now() - Date.parse(event.time) < 10_000).length;
    return {
      events_total: this.events.length,
      events_per_second: recent / 10,
      alerts_open: alerts.length,
      alerts_critical: alerts.filter((one) => one.level === 'critical').length,
      parse_unknown: this.events.filter((event) => event.fields['event.module'] === 'unknown').length,
      inputs: this.inputs,
      store: { bytes: this.events.length * 300, segments: 1, in_memory: this.events.length, events: this.events.length },
      started_at: this.startedAt,
    };
  }

  /** At most four times a second. */
  counters() {
    this.pending ??= setTimeout(() => {
      this.pending = undefined;
      this.tell('counters', this.overview());
    }, 250);
  }

  tell(event, data) {
    this.#liveId += 1;
    const message = `id: ${this.#liveId}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
    for (const stream of this.streams) stream.write(message);
  }
}

export { LEVELS };
