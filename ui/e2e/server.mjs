// The server under test: the real binary, or one that runs already.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const START_MS = 30_000;

const CONFIG = `[api]
listen = "127.0.0.1:0"

[inputs.syslog_udp]
listen = "127.0.0.1:0"

[inputs.syslog_tcp]
listen = "127.0.0.1:0"
`;

/**
 * Gives the set-up link, the port that hears syslog over UDP, and how to stop.
 *
 * BARTIZAN_BIN names the binary, BARTIZAN_CONFIG its configuration (one is written without it);
 * or BARTIZAN_URL is the set-up link of a server that runs, and BARTIZAN_SYSLOG_PORT its port.
 */
export async function server() {
  if (process.env.BARTIZAN_URL) {
    return { link: process.env.BARTIZAN_URL, syslogPort: Number(process.env.BARTIZAN_SYSLOG_PORT), stop: () => {} };
  }
  const binary = process.env.BARTIZAN_BIN;
  if (!binary) return null;
  const folder = mkdtempSync(join(tmpdir(), 'bartizan-e2e-'));
  const config = process.env.BARTIZAN_CONFIG ?? join(folder, 'bartizan.toml');
  if (!process.env.BARTIZAN_CONFIG) writeFileSync(config, CONFIG);
  const child = spawn(binary, ['serve', '--data', join(folder, 'data'), '--config', config], {
    // Variables of that name are settings to the server: those of this test are not meant for it.
    env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('BARTIZAN_'))),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const stop = async () => {
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await exited;
    clearTimeout(late);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    return { ...(await addresses(child)), rules: join(folder, 'data', 'rules'), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Reads the two lines that tell where the server is. */
function addresses(child) {
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => reject(new Error(`the server did not tell its addresses; it said:\n${text}`)), START_MS);
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}; it said:\n${text}`)));
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (chunk) => {
      text += chunk;
      const link = /(https?:\/\/\S+\/setup\?token=\S+)/.exec(text)?.[1];
      const syslogPort = /syslog[\s_]udp\s+\S+:(\d+)/.exec(text)?.[1];
      if (!link || !syslogPort) return;
      clearTimeout(timer);
      resolve({ link, syslogPort: Number(syslogPort) });
    });
  });
}
