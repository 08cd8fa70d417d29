// From the set-up link to a closed alert, as a new user walks it, in a real browser.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { chromium } from 'playwright-core';
import { CHROMIUM, FLAGS, launch, watched } from './browser.mjs';
import { server } from './server.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const USER = 'admin';
const PASSWORD = 'correct horse battery staple';
const ATTACKER = '203.0.113.77';
const ATTEMPTS = 6;
const HOSTILE = '<img src=x onerror=alert(1)>';

const running = await server();
const rulesFolder = running?.rules;

function line(user, at = new Date()) {
  const month = at.toLocaleString('en-US', { month: 'short', timeZone: 'UTC' });
  const stamp = `${month} ${String(at.getUTCDate()).padStart(2)} ${at.toISOString().slice(11, 19)}`;
  return `<38>${stamp} web-1 sshd[4711]: Failed password for ${user} from ${ATTACKER} port 51514 ssh2`;
}

async function send(lines) {
  const socket = createSocket('udp4');
  for (const text of lines) {
    await new Promise((resolve, reject) => {
      socket.send(text, running.syslogPort, '127.0.0.1', (error) => (error ? reject(error) : resolve()));
    });
  }
  socket.close();
}

describe('the console', { skip: running ? false : 'neither BARTIZAN_BIN nor BARTIZAN_URL is set' }, () => {
  let context;
  let page;
  let seen;
  let origin;
  let title;

  before(async () => {
    origin = new URL(running.link).origin;
    context = await launch();
    page = await context.newPage();
    page.setDefaultTimeout(15_000);
    seen = watched(page, origin);
  });

  after(async () => {
    await context?.close();
    await running?.stop();
  });

  test('the set-up page passes the accessibility rules in both themes', async () => {
    const { browser, visitor } = await accessible([]);
    try {
      for (const theme of ['dark', 'light']) await (await visitor(theme, 1440)).check(running.link);
    } finally {
      await browser.close();
    }
  });

  test('set-up creates the administrator and leads to an overview that says what to do', async () => {
    await page.goto(running.link);
    await page.getByLabel('User name').fill(USER);
    await page.getByLabel('Password', { exact: true }).fill('short');
    await page.getByLabel('Password again').fill('short');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'At least' }).or(page.getByRole('alert').filter({ hasText: 'at least' })).waitFor();
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    await page.getByLabel('Password again').fill(PASSWORD);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
    await page.getByText('Send syslog here').waitFor();
    await page.getByRole('button', { name: 'Play' }).waitFor();
    const [cookie] = (await context.cookies()).filter((one) => one.name === 'bartizan_session');
    assert.equal(cookie.httpOnly, true);
    assert.equal(cookie.sameSite, 'Strict');
  });

  test('failed log-ins arrive live, and become an alert without a reload', async () => {
    await page.locator('header').getByText('Live', { exact: true }).waitFor();
    const now = Date.now();
    const users = ['root', 'admin', 'test', 'oracle', HOSTILE, 'ubuntu'];
    assert.equal(users.length, ATTEMPTS);
    await send(users.map((user, index) => line(user, new Date(now - (ATTEMPTS - index) * 1000))));
    const alert = page.getByRole('row').filter({ hasText: ATTACKER });
    await alert.first().waitFor();
    // The first-run card gives way to what has arrived.
    await page.getByText('Send syslog here').waitFor({ state: 'detached' });
  });

  test('Enter shows why, and the line as it was received', async () => {
    await page.keyboard.press('Enter');
    const panel = page.getByRole('complementary', { name: 'Alert' });
    await panel.getByRole('heading', { name: 'Why' }).waitFor();
    title = await panel.getByRole('heading', { level: 2 }).textContent();
    const original = panel.locator('pre[aria-label="Original line"]');
    await original.waitFor();
    const text = await original.textContent();
    assert.match(text, /Failed password for .* from 203\.0\.113\.77 port 51514 ssh2/);
    assert.ok((await original.locator('mark').allTextContents()).includes(ATTACKER), 'the address is marked');
    assert.match(page.url(), /\/alerts\?.*alert=/);
  });

  test('a note is kept with the name of its writer', async () => {
    const panel = page.getByRole('complementary', { name: 'Alert' });
    await page.keyboard.press('n');
    await page.keyboard.type('Blocked at the gateway.');
    await page.keyboard.press('Enter');
    await panel.locator('[data-part="notes"]').getByText('Blocked at the gateway.').waitFor();
    await panel.locator('[data-part="history"]').getByText(USER).first().waitFor();
    assert.equal(await page.evaluate(() => document.scrollingElement.scrollTop), 0, 'only the panel scrolls');
    await page.keyboard.press('Escape');
  });

  test('a verdict closes the alert, undo brings it back, and the verdict closes it again', async () => {
    const list = page.getByRole('grid', { name: 'Alerts', exact: true });
    const row = list.getByRole('row').filter({ hasText: ATTACKER }).filter({ hasText: title });
    await page.keyboard.press('Escape');
    await row.waitFor();
    await page.keyboard.press('1');
    await page.getByRole('dialog', { name: 'Close as true positive' }).getByLabel('Note (optional)').fill('Password guessing');
    await page.keyboard.press('Enter');
    await page.getByText(/closed as true positive/).waitFor();
    await row.waitFor({ state: 'detached' });
    await page.keyboard.press('z');
    await row.waitFor();
    await page.keyboard.press('1');
    await page.getByRole('dialog', { name: 'Close as true positive' }).waitFor();
    await page.keyboard.press('Enter');
    await row.waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'All', exact: true }).click();
    await row.click();
    const panel = page.getByRole('complementary', { name: 'Alert' });
    await panel.getByText('Closed as true positive').waitFor();
    await panel.getByText('Password guessing').waitFor();
  });

  test('search finds the line, and hostile text stays text', async () => {
    await page.keyboard.press('Escape');
    await page.keyboard.press('g');
    await page.keyboard.press('s');
    await page.getByRole('heading', { level: 1, name: 'Search' }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type(`source.ip: ${ATTACKER} and event.outcome: failure`);
    await page.keyboard.press('Enter');
    await page.getByText(`${ATTEMPTS} events`).first().waitFor();
    const rows = page.getByRole('grid', { name: 'Events' }).getByRole('row');
    assert.equal(await rows.count(), ATTEMPTS + 1);
    await rows.filter({ hasText: HOSTILE }).first().waitFor();
    assert.equal(await page.locator('img').count(), 0);
    await rows.nth(1).click();
    await page.getByRole('complementary', { name: 'Event', exact: true }).getByText('event.original').waitFor();
    await page.keyboard.press('Escape');
    await page.goBack();
    await page.goBack();
    await page.goForward();
    await rows.nth(ATTEMPTS).waitFor();
  });

  test('a value leads to a search without it', async () => {
    await page.goto(`${origin}/search?q=${encodeURIComponent(`source.ip: ${ATTACKER}`)}`);
    await page.getByRole('button', { name: 'sshd', exact: true }).first().click();
    await page.getByRole('menuitem', { name: /Exclude/ }).click();
    await page.getByText('No events match').waitFor();
    assert.equal(new URL(page.url()).searchParams.get('q'), `source.ip: ${ATTACKER} and not event.module: sshd`);
  });

  test('a query that cannot be read is marked at its column', async () => {
    await page.goto(`${origin}/search?q=${encodeURIComponent('user.name: (root')}`);
    await page.getByRole('alert').filter({ hasText: 'cannot be read' }).waitFor();
  });

  test('SQL answers, and refuses to write', async () => {
    await page.goto(`${origin}/sql`);
    await page.getByLabel('SQL', { exact: true }).fill('SELECT event.module, count(*) AS events FROM events GROUP BY 1');
    await page.keyboard.press('Control+Enter');
    await page.getByRole('grid', { name: 'Result' }).getByText('sshd').waitFor();
    await page.getByLabel('SQL', { exact: true }).fill('DELETE FROM events');
    await page.keyboard.press('Control+Enter');
    await page.getByRole('alert').filter({ hasText: 'refused' }).waitFor();
  });

  test('SQL is exported whole, in each shape', async () => {
    await page.goto(`${origin}/sql`);
    await page.getByLabel('SQL', { exact: true }).fill('SELECT event.id, user.name, event.original FROM events ORDER BY 1');
    for (const [label, ending, begin] of [
      ['CSV for spreadsheets', 'csv', 'event.id,user.name,event.original'],
      ['CSV, exact', 'csv', 'event.id,user.name,event.original'],
      ['JSON lines', 'ndjson', '{"event.id":'],
      ['Parquet', 'parquet', 'PAR1'],
    ]) {
      await page.getByRole('button', { name: 'Export', exact: true }).click();
      const [file] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('dialog', { name: 'Export the whole query' }).getByRole('button', { name: label }).click(),
      ]);
      assert.match(file.suggestedFilename(), new RegExp(`^bartizan-query-.*\\.${ending}$`));
      const bytes = readFileSync(await file.path());
      assert.equal(bytes.subarray(0, begin.length).toString(), begin);
    }
    await page.getByText(/^Exported /).first().waitFor();
  });

  test('a search is exported whole', async () => {
    await page.goto(`${origin}/search?q=${encodeURIComponent('event.module: sshd')}`);
    await page.getByRole('button', { name: 'Export', exact: true }).click();
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('dialog', { name: 'Export the whole search' }).getByRole('button', { name: 'JSON lines' }).click(),
    ]);
    const lines = readFileSync(await file.path(), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
    assert.ok(lines.length > 0 && lines.every((event) => event.event.module === 'sshd'));
  });

  test('a query and an export that take too long are given up', async () => {
    const heavy = 'SELECT a.value FROM generate_series(1, 9000000) a, generate_series(1, 9000000) b WHERE a.value + b.value = 3';
    await page.goto(`${origin}/sql`);
    await page.getByLabel('SQL', { exact: true }).fill(heavy);
    await page.keyboard.press('Control+Enter');
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.getByRole('button', { name: 'Cancel', exact: true }).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Export', exact: true }).click();
    await page.getByRole('dialog', { name: 'Export the whole query' }).getByRole('button', { name: 'JSON lines' }).click();
    await page.getByRole('button', { name: 'Cancel export' }).click();
    await page.getByRole('button', { name: 'Export', exact: true }).waitFor();
  });

  test('fields and functions are listed, with how often each occurs, and go into the query', async () => {
    await page.goto(`${origin}/sql`);
    await page.getByLabel('SQL', { exact: true }).fill('');
    await page.getByRole('button', { name: 'Fields and functions' }).click();
    const dialog = page.getByRole('dialog', { name: 'Fields and functions' });
    await dialog.getByLabel('Filter').fill('source.ip');
    const row = dialog.getByRole('row').filter({ has: page.getByRole('button', { name: 'source.ip', exact: true }) });
    assert.match(await row.innerText(), /ip\s+[1-9]/);
    await dialog.getByText(/^kql\(/).waitFor();
    await row.getByRole('button').click();
    assert.equal(await page.getByLabel('SQL', { exact: true }).inputValue(), 'source.ip');
  });

  test('flows and names are shown on the network page, and lead to their events', async () => {
    const ends = { 'id.orig_h': '10.0.0.7', 'id.orig_p': 40000, 'id.resp_h': '10.0.1.9', 'id.resp_p': 8080 };
    const ts = Date.now() / 1000 - 30;
    const flow = { ts, uid: 'C1', ...ends, proto: 'tcp', service: HOSTILE, orig_bytes: 1500, resp_bytes: 2500, conn_state: 'SF', orig_pkts: 5, resp_pkts: 5 };
    const question = { ts, uid: 'D1', ...ends, proto: 'udp', query: `${HOSTILE}.example.net`, qtype_name: 'A', rcode_name: 'NOERROR' };
    await send([flow, flow, question].map((one) => JSON.stringify(one)));
    await page.goto(`${origin}/network?from=-1h`);
    await page.getByRole('heading', { level: 1, name: 'Network' }).waitFor();
    const sources = page.getByRole('region', { name: 'Sources' });
    const row = sources.getByRole('row').filter({ hasText: '10.0.0.7' });
    await row.filter({ hasText: '8 kB' }).waitFor({ timeout: 30_000 });
    await page.getByRole('region', { name: 'New services' }).getByRole('row').filter({ hasText: '8080' }).waitFor();
    await page.getByRole('region', { name: 'Longest names' }).getByText(`${HOSTILE}.example.net`).waitFor();
    await page.getByRole('region', { name: 'Protocols' }).getByText(HOSTILE, { exact: true }).waitFor();
    await row.getByRole('link').click();
    await page.getByRole('heading', { level: 1, name: 'Search' }).waitFor();
    assert.equal(await page.locator('form[role="search"] input').inputValue(), 'event.action: network_flow and source.ip: 10.0.0.7');
    await page.getByText('2 events').first().waitFor();
  });

  test('what was tried on decoys is shown, and a session is replayed as text', async () => {
    const at = (second) => new Date(Date.now() - 30_000 + second * 1000).toISOString();
    const base = { sensor: 'ssh-1', src_ip: '198.51.100.9', session: '3e5a9212b91f' };
    await send(
      [
        { eventid: 'cowrie.session.connect', timestamp: at(0), ...base },
        { eventid: 'cowrie.login.failed', timestamp: at(1), ...base, username: 'root', password: HOSTILE },
        { eventid: 'cowrie.login.success', timestamp: at(2), ...base, username: 'root', password: 'toor' },
        { eventid: 'cowrie.command.input', timestamp: at(3), ...base, input: `echo '${HOSTILE}'` },
      ].map((one) => JSON.stringify(one)),
    );
    await page.goto(`${origin}/decoys?from=-1h`);
    await page.getByRole('heading', { level: 1, name: 'Decoys' }).waitFor();
    const credentials = page.getByRole('region', { name: 'Credentials tried' });
    await credentials.getByText('toor').waitFor({ timeout: 30_000 });
    await credentials.getByText(HOSTILE, { exact: true }).waitFor();
    await page.getByRole('region', { name: 'Commands' }).getByText(`echo '${HOSTILE}'`).waitFor();
    await page.getByRole('button', { name: base.session }).click();
    const replay = page.getByRole('region', { name: `Session ${base.session}` });
    await replay.getByText(`echo '${HOSTILE}'`).waitFor();
    assert.deepEqual(await replay.getByRole('row').locator('td:nth-child(2)').allTextContents(), ['came', 'log-in', 'log-in', 'typed']);
    assert.equal(await page.locator('img').count(), 0, 'what was typed is text');
    assert.match(page.url(), /session=3e5a9212b91f/);
    await replay.getByRole('button', { name: 'Close' }).click();
    await replay.waitFor({ state: 'detached' });
  });

  test('rules are listed', async () => {
    await page.goto(`${origin}/rules`);
    const rows = page.getByRole('grid', { name: 'Rules' }).getByRole('row');
    await rows.nth(1).click();
    await page.getByRole('complementary', { name: 'Rule' }).getByText('Path', { exact: true }).waitFor();
  });

  test('a rule is switched off for this installation, and the deed is taken back', async () => {
    await page.goto(`${origin}/rules?q=ssh+brute`);
    const grid = page.getByRole('grid', { name: 'Rules' });
    const row = grid.getByRole('row').filter({ hasText: 'SSH brute force' });
    await row.getByText('Able to fire').waitFor();
    await row.click();
    const panel = page.getByRole('complementary', { name: 'Rule' });
    await panel.getByText(/It could fire: its log source came last/).waitFor();
    await panel.getByRole('button', { name: 'Disable' }).click();
    await row.getByText('Disabled').waitFor();
    await panel.getByRole('button', { name: 'Enable' }).waitFor();
    await page.getByRole('region', { name: 'Notices' }).getByRole('button', { name: /Undo/ }).click();
    await row.getByText('Able to fire').waitFor();
    await panel.getByRole('button', { name: 'Disable' }).waitFor();
  });

  test('an exception that cannot be read is told of; one that can be read stays', async () => {
    const panel = page.getByRole('complementary', { name: 'Rule' });
    const field = panel.getByLabel(/Exceptions: events/);
    await field.fill('source.ip: (');
    await panel.getByRole('button', { name: 'Add' }).click();
    await panel.getByRole('alert').filter({ hasText: /column 13/ }).waitFor();
    await field.fill('source.ip: 192.0.2.0/24');
    await panel.getByRole('button', { name: 'Add' }).click();
    await panel.locator('code').filter({ hasText: 'source.ip: 192.0.2.0/24' }).waitFor();
    await panel.getByRole('button', { name: 'Remove' }).click();
    await panel.locator('code').first().waitFor({ state: 'detached' });
  });

  test('a rule is tried on what is stored', async () => {
    const panel = page.getByRole('complementary', { name: 'Rule' });
    await panel.getByRole('button', { name: 'Test on stored events' }).click();
    await panel.getByRole('status').filter({ hasText: /[1-9]\d* hits? in \d+ events/ }).waitFor();
  });

  test('a rule file that appears while it runs is told of, and one with a fault is shown with its place', { skip: !rulesFolder }, async () => {
    await page.goto(`${origin}/rules`);
    await page.getByRole('grid', { name: 'Rules' }).getByRole('row').nth(1).waitFor();
    writeFileSync(join(rulesFolder, 'kettle.yml'), 'title: Kettle boils\nid: kettle\nlevel: low\nlogsource: {product: linux}\ndetection: {words: [kettle], condition: words}\n');
    await page.getByText('Rules loaded again: 1 added').waitFor();
    await page.goto(`${origin}/rules?q=kettle`);
    await page.getByRole('grid', { name: 'Rules' }).getByText('Kettle boils').waitFor();
    writeFileSync(join(rulesFolder, 'odd.yml'), 'title: Odd\ndetection: {s: {a|what: 1}, condition: s}\n');
    await page.getByRole('region', { name: /1 fault/ }).getByText(/odd\.yml:\d+:\d+/).waitFor();
    rmSync(join(rulesFolder, 'odd.yml'));
    rmSync(join(rulesFolder, 'kettle.yml'));
    await page.getByText(/1 removed/).waitFor();
  });

  test('help lists the keys', async () => {
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys and queries' }).getByText('Acknowledge: mine, and on to the next').waitFor();
    await page.keyboard.press('Escape');
  });

  test('nothing was refused, nothing failed, nothing was asked of another origin', () => {
    assert.deepEqual(seen, { errors: [], refused: [], foreign: [] });
  });

  test('a token is shown once, opens the API, and is taken back', async () => {
    await page.goto(`${origin}/access`);
    await page.getByLabel('Name').fill('a script');
    await page.getByRole('button', { name: 'Make a token' }).click();
    const token = await page.locator('.secret code').textContent();
    assert.match(token, /^btz_[\w-]{43}$/);
    const asked = async () => (await fetch(`${origin}/api/v1/ledger`, { headers: { authorization: `Bearer ${token}` } })).status;
    assert.equal(await asked(), 200);
    await page.reload();
    await page.getByRole('cell', { name: 'a script', exact: true }).waitFor();
    assert.equal(await page.getByText(token).count(), 0);
    await page.getByRole('button', { name: 'Revoke a script' }).click();
    await page.getByRole('button', { name: 'Revoke it for good a script' }).click();
    await page.getByText('There is none.').waitFor();
    assert.equal(await asked(), 401);
    await page.getByRole('button', { name: 'Ask again' }).click();
    await page.getByRole('cell', { name: 'revoke_token' }).waitFor();
    await page.getByLabel('Only who was not let in').check();
    await page.getByRole('cell', { name: 'token_refused' }).waitFor();
    assert.equal(await page.getByRole('cell', { name: 'revoke_token' }).count(), 0);
  });

  test('every page passes the accessibility rules in both themes', async (t) => {
    const { browser, visitor } = await accessible(await context.cookies());
    try {
      const paths = ['/', '/alerts?tab=all', '/alerts?tab=all&alert=1', '/alerts/1', '/search', '/search?q=nothing-like-this', '/search?q=a%3A', '/sql', '/network', '/decoys', '/decoys?session=3e5a9212b91f', '/rules', '/rules?q=ssh+brute&rule=ee930f45-3c1f-4ed0-a647-a496e58fdb1b', '/access', '/nowhere'];
      for (const theme of ['dark', 'light']) {
        for (const width of [1440, 1100]) {
          const stranger = await visitor(theme, width, []);
          await t.test(`/login ${theme} ${width}`, () => stranger.check(`${origin}/login`));
          await stranger.close();
          const user = await visitor(theme, width);
          for (const path of paths) {
            await t.test(`${path} ${theme} ${width}`, () => user.check(origin + path));
          }
          await user.close();
        }
      }
    } finally {
      await browser.close();
    }
  });

  test('logging out ends the session', async () => {
    await page.goto(`${origin}/`);
    await page.getByRole('button', { name: USER }).click();
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { level: 1, name: 'Log in' }).waitFor();
    assert.equal(await page.evaluate(async () => (await fetch('/api/v1/alerts')).status), 401);
    await page.getByLabel('User name').fill(USER);
    await page.getByLabel('Password').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').filter({ hasText: 'User name or password is wrong.' }).waitFor();
  });
});

/** A browser that lets the checker in, which the policy of the server would not. */
async function accessible(cookies) {
  const browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: FLAGS });
  /** Gives a visitor who sees pages in that theme and width, and checks each. */
  async function visitor(theme, width, as = cookies) {
    const beside = await browser.newContext({ bypassCSP: true, colorScheme: theme, viewport: { width, height: 900 }, reducedMotion: 'reduce' });
    await beside.addCookies(as);
    const page = await beside.newPage();
    const waiting = new Set();
    page.on('request', (request) => !request.url().endsWith('/live') && waiting.add(request));
    for (const end of ['requestfinished', 'requestfailed']) page.on(end, (request) => waiting.delete(request));
    return { check: (url) => check(page, url, waiting), close: () => beside.close() };
  }
  return { browser, visitor };
}

async function check(page, url, waiting) {
  await page.goto(url);
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.locator('[role="progressbar"]').waitFor({ state: 'detached' });
  // An answer may ask for more: quiet is when nothing was asked for two frames.
  do await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  while (waiting.size > 0);
  await page.evaluate(() => document.fonts.ready.then(() => undefined));
  assert.equal(await page.locator('h1').count(), 1);
  assert.equal(await page.locator('main').count(), 1);
  await page.evaluate(AXE);
  const found = await page.evaluate(() =>
    globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }),
  );
  const said = found.violations.map((one) => `${one.id}: ${one.help}\n  ${one.nodes.map((node) => node.html.slice(0, 200)).join('\n  ')}`);
  assert.deepEqual(said, []);
}
