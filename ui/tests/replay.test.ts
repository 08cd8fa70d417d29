import { expect, test } from 'vitest';
import type { EventRecord } from '../src/api/types';
import { replayed } from '../src/text/replay';

const event = (at: string, rest: object) => ({ '@timestamp': at, ...rest }) as unknown as EventRecord;

test('a session reads from top to bottom', () => {
  const lines = replayed([
    event('2026-11-21T06:00:00.000Z', { event: { action: 'decoy_connection' }, bartizan: { decoy: { client: 'SSH-2.0-Go' } } }),
    event('2026-11-21T06:00:01.250Z', { event: { action: 'decoy_login', outcome: 'success' }, user: { name: 'root' }, bartizan: { decoy: { password: '<b>x</b>' } } }),
    event('2026-11-21T06:01:30.000Z', { event: { action: 'decoy_command' }, process: { command_line: 'uname -a' } }),
    event('2026-11-21T06:01:31.000Z', { event: { action: 'decoy_request' }, http: { request: { method: 'GET' } }, url: { original: '/.env' } }),
    event('2026-11-21T06:01:32.000Z', { event: { action: 'decoy_strange' } }),
  ]);
  expect(lines.map((line) => `${line.after} ${line.deed}: ${line.what}`)).toEqual([
    '0:00.0 came: SSH-2.0-Go',
    '0:01.3 log-in: root  <b>x</b>  (let in)',
    '1:30.0 typed: uname -a',
    '1:31.0 requested: GET  /.env',
    '1:32.0 strange: ',
  ]);
  expect(replayed([])).toEqual([]);
});
