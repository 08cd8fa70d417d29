import { expect, test } from 'vitest';
import { barsOf, decoys, network, width } from '../src/text/questions';

const SPAN = { from: '2026-11-21T06:00:00.000Z', to: '2026-11-21T12:00:00.000Z' };

test('bars are as narrow as their number allows', () => {
  expect(width(SPAN, 72)).toEqual({ ms: 300_000, sql: '5m' });
  expect(width(SPAN, 71)).toEqual({ ms: 900_000, sql: '15m' });
  expect(width({ from: SPAN.from, to: '2036-11-21T06:00:00.000Z' }, 72).sql).toBe('1w');
});

test('there is a bar for every time, where nothing happened too', () => {
  const bars = barsOf(SPAN, 3_600_000, [['2026-11-21T08:00:00.000Z', 5, '7']], 2);
  expect(bars).toHaveLength(6);
  expect(bars[0]).toEqual({ from: Date.parse(SPAN.from), to: Date.parse(SPAN.from) + 3_600_000, counts: [0, 0] });
  expect(bars[2]?.counts).toEqual([5, 7]);
  expect(barsOf(SPAN, 3_600_000, [], 1).every((bar) => bar.counts[0] === 0)).toBe(true);
});

test('a week begins where its rows say', () => {
  const monday = '2026-11-16T00:00:00.000Z';
  const bars = barsOf(SPAN, 604_800_000, [[monday, 3]], 1);
  expect(bars).toEqual([{ from: Date.parse(monday), to: Date.parse(monday) + 604_800_000, counts: [3] }]);
});

test('every question stays within its time', () => {
  for (const question of [...Object.values(network), ...Object.values(decoys)]) {
    const sql = question(SPAN, 72);
    expect(sql).toContain(`@timestamp < '${SPAN.to}'`);
    expect(sql).toContain("FROM events WHERE @timestamp >= '2026-11-2");
  }
  // What is new did not occur the day before.
  expect(network.newMachines(SPAN)).toContain("@timestamp >= '2026-11-20T06:00:00.000Z'");
  expect(network.newMachines(SPAN)).toContain(`HAVING min(@timestamp) >= '${SPAN.from}'`);
});
