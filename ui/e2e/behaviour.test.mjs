// How the console behaves when much happens, against the seeded stand-in of dev/mock.mjs.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { after, before, beforeEach, afterEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { request } from 'playwright-core';
import { launch, watched } from './browser.mjs';

const MOCK = fileURLToPath(new URL('../dev/mock.mjs', import.meta.url));

describe('the console over a seeded server', () => {
  let mock;
  let origin;
  let syslogPort;
  let context;
  let page;
  let seen;

  before(async () => {
    mock = spawn(process.execPath, [MOCK, '--port', '0', '--seed', '--in'], { stdio: ['ignore', 'ignore', 'pipe'] });
    mock.stderr.setEncoding('utf8');
    let text = '';
    for await (const chunk of mock.stderr) {
      text += chunk;
      origin = /console (http:\/\/[^/]+)/.exec(text)?.[1];
      syslogPort = Number(/syslog udp \S+:(\d+)/.exec(text)?.[1]);
      if (origin && syslogPort) break;
    }
    context = await launch();
    await context.request.post(`${origin}/api/v1/login`, { data: { user: 'admin', password: 'correct horse battery' } });
  });
  after(async () => {
    await context?.close();
    mock?.kill();
  });
  beforeEach(async () => {
    page = await context.newPage();
    page.setDefaultTimeout(10_000);
    seen = watched(page, origin);
  });
  afterEach(async () => {
    await page.close();
    assert.deepEqual(seen, { errors: [], refused: [], foreign: [] });
  });

  async function send(count, ip = '198.51.100.9') {
    const socket = createSocket('udp4');
    for (let at = 0; at < count; at += 1) {
      const line = `<38>Nov 21 07:00:00 web-1 sshd[1]: Failed password for u${at} from ${ip} port 1 ssh2`;
      await new Promise((resolve) => socket.send(line, syslogPort, '127.0.0.1', resolve));
    }
    socket.close();
  }

  const grid = (name) => page.getByRole('grid', { name, exact: true });
  /** Keys go to whatever has the focus: waits until that is a field. */
  const typing = () => page.waitForFunction(() => document.activeElement?.matches('input, textarea'));
  const csrf = async () => (await (await context.request.get(`${origin}/api/v1/session`)).json()).csrf;

  test('ten alerts are acknowledged in at most twelve keystrokes', async () => {
    await page.goto(`${origin}/alerts?level=high,critical,medium,low`);
    await grid('Alerts').getByRole('row').nth(10).waitFor();
    const total = async () => Number(/\d+/.exec(await page.locator('.total').textContent())[0]);
    const before = await total();
    for (let count = 0; count < 10; count += 1) await page.keyboard.press('e');
    await page.waitForFunction((wanted) => document.querySelector('.total')?.textContent.startsWith(`${wanted} `), before - 10);
    await page.keyboard.press('z');
    await page.waitForFunction((wanted) => document.querySelector('.total')?.textContent.startsWith(`${wanted} `), before - 9);
  });

  test('somebody else was faster: the list shows it, and nothing is overwritten', async () => {
    await page.goto(`${origin}/alerts`);
    await grid('Alerts').getByRole('row').nth(3).waitFor();
    await page.route('**/api/v1/live', (route) => route.abort());
    await page.reload();
    await grid('Alerts').getByRole('row').nth(3).waitFor();
    const { items } = await (await context.request.get(`${origin}/api/v1/alerts?status=open&limit=1`)).json();
    const changed = await context.request.patch(`${origin}/api/v1/alerts/${items[0].id}`, {
      headers: { 'x-bartizan-csrf': await csrf(), 'if-match': `"${items[0].version}"` },
      data: { verdict: 'duplicate', assignee: 'eve' },
    });
    assert.equal(changed.status(), 200);
    await page.keyboard.press('e');
    await page.getByText(/changed meanwhile: now closed by eve/).waitFor();
    const now = await (await context.request.get(`${origin}/api/v1/alerts/${items[0].id}`)).json();
    assert.deepEqual([now.status, now.verdict, now.assignee], ['closed', 'duplicate', 'eve']);
  });

  test('a deed is about the alert that is open, in the list or not', async () => {
    const { items } = await (await context.request.get(`${origin}/api/v1/alerts?status=open&level=high&limit=1`)).json();
    await page.goto(`${origin}/alerts?level=low&alert=${items[0].id}`);
    const panel = page.getByRole('complementary', { name: 'Alert' });
    await panel.getByRole('heading', { name: items[0].title }).waitFor();
    await grid('Alerts').getByRole('row').nth(1).waitFor();
    await page.keyboard.press('e');
    await panel.getByText('Acknowledged', { exact: true }).waitFor();
    const status = async () => (await (await context.request.get(`${origin}/api/v1/alerts/${items[0].id}`)).json()).status;
    await page.getByText(/: acknowledged/).waitFor();
    assert.equal(await status(), 'acknowledged');
    await page.keyboard.press('z');
    await panel.getByText('Open', { exact: true }).waitFor();
  });

  test('all that match are closed at once, and undone at once', async () => {
    await page.goto(`${origin}/alerts?level=informational`);
    await grid('Alerts').getByRole('row').nth(2).waitFor();
    await page.keyboard.press('*');
    await page.keyboard.press('2');
    await typing();
    await page.keyboard.type('noise');
    await page.keyboard.press('Enter');
    await page.getByText('No alerts match').waitFor();
    await page.keyboard.press('z');
    await grid('Alerts').getByRole('row').nth(2).waitFor();
  });

  test('new alerts wait while somebody is at work, and a press shows them', async () => {
    await page.goto(`${origin}/alerts`);
    await grid('Alerts').getByRole('row').nth(3).waitFor();
    await page.getByText('Live', { exact: true }).waitFor();
    await page.keyboard.press('j');
    const first = await grid('Alerts').getByRole('row').nth(1).textContent();
    await send(6, '198.51.100.21');
    await page.getByRole('button', { name: '1 new' }).waitFor();
    assert.equal((await grid('Alerts').getByRole('row').nth(1).textContent()).slice(0, 40), first.slice(0, 40));
    await page.getByRole('button', { name: '1 new' }).click();
    await grid('Alerts').getByRole('row').filter({ hasText: '198.51.100.21' }).waitFor();
  });

  test('a long result keeps few rows in the page, and its last row can be reached', async () => {
    await page.goto(`${origin}/search`);
    await grid('Events').getByRole('row').nth(3).waitFor();
    const total = Number((await page.getByRole('status').filter({ hasText: 'events' }).textContent()).match(/([\d,]+) events/)[1].replace(',', ''));
    for (let at = 0; at < 60; at += 1) {
      const count = Number(await grid('Events').getAttribute('aria-rowcount'));
      if (count > total) break;
      await grid('Events').evaluate((element) => (element.scrollTop = element.scrollHeight));
      await page.waitForFunction((known) => Number(document.querySelector('[role="grid"]').getAttribute('aria-rowcount')) > known, count);
    }
    await grid('Events').evaluate((element) => (element.scrollTop = element.scrollHeight));
    await page.locator(`[aria-rowindex="${total + 1}"]`).waitFor();
    assert.ok((await grid('Events').getByRole('row').count()) <= 60);
    await grid('Events').evaluate((element) => (element.scrollTop = element.scrollHeight / 3));
    await page.waitForFunction(() => ![...document.querySelectorAll('[role="row"]')].some((row) => row.textContent.trim() === 'Loading'));
  });

  test('the tail follows, holds still for a reader, and counts what waits', async () => {
    await page.goto(`${origin}/search?q=source.ip:%20198.51.100.40`);
    await page.getByText('No events match').waitFor();
    await page.keyboard.press('L');
    await page.getByRole('button', { name: 'Live', exact: true }).waitFor();
    await send(3, '198.51.100.40');
    await grid('Events').getByRole('row').nth(3).waitFor();
    await grid('Events').focus();
    await page.keyboard.press('ArrowDown');
    await send(2, '198.51.100.40');
    await page.getByRole('button', { name: '2 new' }).click();
    await grid('Events').getByRole('row').nth(5).waitFor();
  });

  test('dragging over the histogram sets the time range, and Back takes it back', async () => {
    await page.goto(`${origin}/search`);
    const chart = await page.locator('.u-over').boundingBox();
    await page.mouse.move(chart.x + chart.width * 0.4, chart.y + 30);
    await page.mouse.down();
    await page.mouse.move(chart.x + chart.width * 0.6, chart.y + 30, { steps: 5 });
    await page.mouse.up();
    await page.waitForFunction(() => location.search.includes('from='));
    const { from, to } = Object.fromEntries(new URL(page.url()).searchParams);
    const hours = (Date.parse(to) - Date.parse(from)) / 3_600_000;
    assert.ok(hours > 4 && hours < 5.6, `${hours} hours`);
    await page.goBack();
    await page.waitForFunction(() => !location.search.includes('from='));
  });

  test('a typed time range, and one that is not understood', async () => {
    await page.goto(`${origin}/search`);
    await grid('Events').getByRole('row').nth(3).waitFor();
    await page.keyboard.press('t');
    await typing();
    await page.keyboard.type('whenever');
    await page.keyboard.press('Enter');
    await page.getByText('Not understood').waitFor();
    await page.getByLabel('Typed').fill('-6h');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => location.search.includes('from=-6h'));
    await page.keyboard.press(',');
    await page.waitForFunction(() => location.search.includes('to=2'));
  });

  test('Back restores where a list stood', async () => {
    await page.goto(`${origin}/search`);
    await grid('Events').getByRole('row').nth(3).waitFor();
    await grid('Events').evaluate((element) => (element.scrollTop = 1400));
    await page.waitForFunction(() => history.state?.['scroll:Events'] === 1400);
    await page.getByRole('link', { name: 'Rules' }).click();
    await page.getByRole('heading', { level: 1, name: 'Rules' }).waitFor();
    await page.goBack();
    await page.waitForFunction(() => document.querySelector('[aria-label="Events"][role="grid"]')?.scrollTop === 1400);
  });

  test('theme, density and letters are remembered', async () => {
    await page.goto(`${origin}/`);
    await page.getByRole('button', { name: 'admin' }).click();
    await page.getByLabel('Light').check();
    await page.getByLabel('Comfortable').check();
    await page.getByLabel('Single-letter keys').uncheck();
    await page.reload();
    await page.getByRole('heading', { level: 1 }).waitFor();
    assert.deepEqual(await page.evaluate(() => ({ ...document.documentElement.dataset })), { theme: 'light', density: 'comfortable' });
    await page.keyboard.press('?');
    assert.equal(await page.getByRole('dialog', { name: 'Keys' }).count(), 0);
    await page.evaluate(() => localStorage.clear());
  });

  test('eight tabs are all live', async () => {
    const tabs = await Promise.all(Array.from({ length: 8 }, () => context.newPage()));
    try {
      await Promise.all(tabs.map((tab) => tab.goto(`${origin}/`)));
      await Promise.all(tabs.map((tab) => tab.getByText('Live', { exact: true }).waitFor()));
      const value = (tab) => tab.locator('a.card').nth(1).getAttribute('title');
      const before = await value(tabs[7]);
      await send(1);
      await Promise.all(tabs.map((tab) => tab.waitForFunction((known) => document.querySelectorAll('a.card')[1].title !== known, before)));
    } finally {
      await Promise.all(tabs.map((tab) => tab.close()));
    }
  });

  test('nothing jumps while numbers and alerts arrive', async () => {
    await page.addInitScript(() => {
      globalThis.shifted = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) globalThis.shifted += entry.value;
      }).observe({ type: 'layout-shift', buffered: true });
    });
    await page.goto(`${origin}/`);
    await page.getByText('Live', { exact: true }).waitFor();
    await send(8, '198.51.100.60');
    await grid('Newest alerts').getByRole('row').filter({ hasText: '198.51.100.60' }).waitFor();
    const shifted = await page.evaluate(() => globalThis.shifted);
    assert.ok(shifted < 0.02, `layout shift ${shifted}`);
  });

  test('the sample attack shows DEMO on every page until it is stopped', async () => {
    await page.goto(`${origin}/`);
    await context.request.post(`${origin}/api/v1/simulation`, { headers: { 'x-bartizan-csrf': await csrf() }, data: { action: 'start' } });
    for (const name of ['Alerts', 'Search', 'SQL', 'Rules', 'Overview']) {
      await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name }).click();
      await page.getByRole('heading', { level: 1, name }).waitFor();
      await page.getByRole('button', { name: 'DEMO' }).waitFor();
    }
    await page.getByRole('button', { name: 'DEMO' }).click();
    await page.getByRole('button', { name: 'DEMO' }).waitFor({ state: 'detached' });
  });

  test('sessions are listed, and another one can be ended', async () => {
    const elsewhere = await request.newContext({ userAgent: 'another browser' });
    await elsewhere.post(`${origin}/api/v1/login`, { data: { user: 'admin', password: 'correct horse battery' } });
    assert.equal((await elsewhere.get(`${origin}/api/v1/alerts`)).status(), 200);
    await page.goto(`${origin}/`);
    await page.getByRole('button', { name: 'admin' }).click();
    await page.getByRole('button', { name: 'Sessions' }).click();
    const dialog = page.getByRole('dialog', { name: 'Sessions' });
    await dialog.getByRole('button', { name: /this one/ }).waitFor();
    await dialog.getByRole('row').filter({ hasText: 'another browser' }).getByRole('button', { name: 'Revoke' }).click();
    await dialog.getByText('another browser').waitFor({ state: 'detached' });
    assert.equal((await elsewhere.get(`${origin}/api/v1/alerts`)).status(), 401);
    await elsewhere.dispose();
  });
});
