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

/** Starts a browser with a folder of its own. */
export function launch() {
  const userData = mkdtempSync(join(tmpdir(), 'bartizan-browser-'));
  return chromium.launchPersistentContext(userData, {
    executablePath: CHROMIUM,
    headless: true,
    args: FLAGS,
    viewport: { width: 1440, height: 900 },
  });
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
