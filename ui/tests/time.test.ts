import { describe, expect, test } from 'vitest';
import { age, fullTime, iso, momentOf, rangeLabel, rangeOf, RANGE_DEFAULT, roundMoments, shifted, shortTime, spanOf } from '../src/text/time';

const NOW = Date.parse('2026-11-21T12:30:00.000Z');
const HOUR = 3_600_000;

describe('a moment', () => {
  test.each([
    ['now', '2026-11-21T12:30:00.000Z'],
    ['-6h', '2026-11-21T06:30:00.000Z'],
    ['now-90m', '2026-11-21T11:00:00.000Z'],
    ['- 2 d', '2026-11-19T12:30:00.000Z'],
    ['today', '2026-11-21T00:00:00.000Z'],
    ['yesterday', '2026-11-20T00:00:00.000Z'],
    ['2026-11-01', '2026-11-01T00:00:00.000Z'],
    ['2026-11-01 10:20', '2026-11-01T10:20:00.000Z'],
    ['2026-11-01T10:20:30.5', '2026-11-01T10:20:30.500Z'],
    ['2026-11-01T10:20:30.123456789+02:00', '2026-11-01T08:20:30.123Z'],
    ['08:15', '2026-11-21T08:15:00.000Z'],
  ])('%s', (text, wanted) => {
    const moment = momentOf(text, NOW, 'utc');
    expect(moment === null ? null : iso(moment)).toBe(wanted);
  });

  test.each(['', 'soon', '-6x', '2026-02-30', '2026-13-01', '25:00', '2026-11-01 10:61', '-6h; drop', '--6h'])('%j is none', (text) => {
    expect(momentOf(text, NOW, 'utc')).toBeNull();
  });
});

describe('a typed range', () => {
  test.each([
    ['-6h', { from: '-6h', to: 'now' }],
    ['6h', { from: '-6h', to: 'now' }],
    ['now-15m', { from: '-15m', to: 'now' }],
    ['yesterday', { from: '2026-11-20T00:00:00.000Z', to: '2026-11-21T00:00:00.000Z' }],
    ['today', { from: '2026-11-21T00:00:00.000Z', to: 'now' }],
    ['2026-11-19', { from: '2026-11-19T00:00:00.000Z', to: '2026-11-20T00:00:00.000Z' }],
    ['10:00 to 11:30', { from: '2026-11-21T10:00:00.000Z', to: '2026-11-21T11:30:00.000Z' }],
    ['-2d .. -1d', { from: '-2d', to: '-1d' }],
    ['2026-11-19 10:00 to now', { from: '2026-11-19T10:00:00.000Z', to: 'now' }],
  ])('%s', (text, wanted) => {
    expect(rangeOf(text, NOW, 'utc')).toEqual(wanted);
  });

  test.each(['', '11:30 to 10:00', 'now', '2027-01-01', 'a to b', '1 to 2 to 3'])('%j is none', (text) => {
    expect(rangeOf(text, NOW, 'utc')).toBeNull();
  });

  test('every typed range can be read back from the address', () => {
    for (const text of ['-6h', '90s', '3w', 'yesterday', '10:00 to 11:30', '-2d .. -1d', '2026-11-19']) {
      const range = rangeOf(text, NOW, 'utc');
      expect(range && spanOf(range, NOW)).not.toBeNull();
    }
  });
});

describe('shifting', () => {
  test('earlier moves by the length of the range', () => {
    expect(shifted({ from: '-6h', to: 'now' }, -1, NOW)).toEqual({ from: iso(NOW - 12 * HOUR), to: iso(NOW - 6 * HOUR) });
  });

  test('later never goes past now, and follows it', () => {
    const before = { from: iso(NOW - 9 * HOUR), to: iso(NOW - 3 * HOUR) };
    expect(shifted(before, 1, NOW)).toEqual({ from: iso(NOW - 6 * HOUR), to: 'now' });
  });

  test('a range that cannot be read becomes the usual one', () => {
    expect(shifted({ from: 'x', to: 'now' }, 1, NOW)).toEqual(RANGE_DEFAULT);
    expect(spanOf({ from: 'now', to: '-1h' }, NOW)).toBeNull();
  });
});

test('what the screen shows', () => {
  expect(shortTime('2026-11-20T11:59:53.123456Z', 'utc')).toBe('11-20 11:59:53');
  expect(fullTime('2026-11-20T11:59:53.123456Z', 'utc')).toBe('2026-11-20 11:59:53.123');
  expect(fullTime('not a time', 'utc')).toBe('');
  expect(shortTime(null, 'utc')).toBe('');
  expect([500, 45_000, 600_000, 5 * HOUR, 72 * HOUR].map((ms) => age(NOW - ms, NOW))).toEqual(['now', '45 s', '10 min', '5 h', '3 d']);
  expect(age(null, NOW)).toBe('');
  expect(rangeLabel({ from: '-24h', to: 'now' }, 'utc', NOW)).toBe('Last 24 hours');
  expect(rangeLabel({ from: '-90m', to: 'now' }, 'utc', NOW)).toBe('Last 90 minutes');
  expect(rangeLabel({ from: 'now-1w', to: 'now' }, 'utc', NOW)).toBe('Last 1 week');
  expect(rangeLabel({ from: '2026-11-20T00:00:00Z', to: '2026-11-21T00:00:00Z' }, 'utc', NOW)).toBe('11-20 00:00:00 to 11-21 00:00:00');
});

describe('round moments', () => {
  const shown = (from: string, to: string, wanted: number) =>
    roundMoments({ from: Date.parse(from), to: Date.parse(to) }, wanted, 'utc').map((at) => new Date(at).toISOString().slice(5, 16));

  test('a quarter of an hour by minutes, a day by hours, a month by days', () => {
    expect(shown('2026-11-21T08:29:46Z', '2026-11-21T08:44:46Z', 4)).toEqual(['11-21T08:30', '11-21T08:35', '11-21T08:40']);
    expect(shown('2026-11-20T08:43:00Z', '2026-11-21T08:43:00Z', 5)).toEqual(['11-20T12:00', '11-20T18:00', '11-21T00:00', '11-21T06:00']);
    expect(shown('2026-11-01T08:43:00Z', '2026-11-29T08:43:00Z', 4)).toEqual(['11-08T00:00', '11-15T00:00', '11-22T00:00', '11-29T00:00']);
  });

  test('never more than asked for, however long the span', () => {
    expect(shown('1970-01-01T00:00:00Z', '2026-11-21T00:00:00Z', 6).length).toBeLessThanOrEqual(7);
  });
});
