import { expect, test } from 'vitest';
import type { RuleHealth } from '../src/api/types';
import { healthInWords, reloadedInWords, share, technique } from '../src/text/health';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const silent: RuleHealth = {
  id: 'r', verdict: 'silent', source_last: null, source_per_hour: 0, missing: [], could: null, fired: null, hits: 0, evaluations: 0, share: 0,
};

test('health in words', () => {
  expect(healthInWords(silent, NOW)).toBe('It cannot fire: no event of its log source has come. It has not fired. It was evaluated 0 times, 0 % of all evaluations.');
  const able: RuleHealth = {
    ...silent, verdict: 'able', source_last: '2026-11-21T11:59:18Z', source_per_hour: 1, could: '2026-11-21T11:00:00Z',
    fired: '2026-11-21T12:00:00Z', hits: 1, evaluations: 12_345, share: 0.0321,
  };
  expect(healthInWords(able, NOW)).toBe(
    'It could fire: its log source came last 42 s ago, 1 event an hour. An event with all it needs came last 60 min ago. ' +
      'It fired 1 time, last just now. It was evaluated 12.3 k times, 3.2 % of all evaluations.',
  );
  expect(healthInWords({ ...able, verdict: 'blind', missing: ['user.name'] }, NOW)).toContain('but never with user.name.');
  expect(healthInWords({ ...able, verdict: 'blind' }, NOW)).toContain('but its fields never came together in one event.');
  expect(healthInWords({ ...able, verdict: 'disabled' }, NOW)).toContain('It is switched off;');
});

test('techniques, shares and reloads', () => {
  expect(technique(['attack.credential-access', 'attack.t1110.001', 'attack.T1078', 'cve.2021-1'])).toBe('T1110.001 T1078');
  expect([share(0), share(0.0004), share(0.5)]).toEqual(['0 %', '<0.1 %', '50 %']);
  const news = { rules: 3, faults: 0, loads: 2, loaded_at: '', took_ms: 1, added: 1, removed: 0, changed: 2 };
  expect(reloadedInWords(news)).toBe('Rules loaded again: 1 added, 2 changed');
  expect(reloadedInWords({ ...news, added: 0, changed: 0, faults: 1 })).toBe('Rules loaded again: nothing changed; 1 fault set aside');
});
