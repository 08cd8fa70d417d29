// Chromium as the end-to-end test drives it, with everything written down that must not happen.

import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

export const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

export const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** How many times slower than this machine the pages run: `SLOWER=8` finds tests that race with them. */
const SLOWER = Number(process.env.SLOWER ?? 1);

/** Starts a browser with a folder of its own. */
export async function launch() {
  const userData = mkdtempSync(join(tmpdir(), 'bartizan-browser-'));
  const context = await chromium.launchPersistentContext(userData, {
    executablePath: CHROMIUM,
    headless: true,
    args: FLAGS,
    viewport: { width: 1440, height: 900 },
  });
  if (SLOWER > 1) {
    const slow = async (page) => (await context.newCDPSession(page)).send('Emulation.setCPUThrottlingRate', { rate: SLOWER });
    context.on('page', slow);
    await Promise.all(context.pages().map(slow));
  }
  return context;
}

/** Watches a page: console errors, refused content, and requests to another origin. */
export function watched(page, origin) {
  const seen = { errors: [], refused: [], foreign: [] };
  // A failed call is part of some tests; the console of the browser repeats it without being asked.
  page.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) seen.errors.push(message.text());
    if (/Content Security Policy|TrustedHTML|TrustedScript/.test(message.text())) seen.refused.push(message.text());
  });
  page.on('pageerror', (error) => seen.errors.push(String(error)));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !url.startsWith('data:') && !url.startsWith('blob:')) seen.foreign.push(url);
  });
  return seen;
}
