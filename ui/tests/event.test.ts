import { describe, expect, test } from 'vitest';
import { fieldOf, leavesOf, LEAVES_MAX, piecesOf, sentenceOf, textOf } from '../src/text/event';

const EVENT = {
  '@timestamp': '2026-11-21T12:00:00Z',
  event: { module: 'sshd', category: ['authentication'], original: 'Failed password for root' },
  source: { ip: '203.0.113.9', port: 22 },
  a: { 'b.c': 1 },
};

test('fields by their dotted names', () => {
  expect(leavesOf(EVENT).map((leaf) => leaf.name)).toEqual(['@timestamp', 'a.b.c', 'event.category', 'event.module', 'event.original', 'source.ip', 'source.port']);
  expect(fieldOf(EVENT, 'source.port')).toBe(22);
  expect(fieldOf(EVENT, 'a.b.c')).toBe(1);
  expect(fieldOf(EVENT, 'source.nothing')).toBeUndefined();
  expect(sentenceOf(EVENT)).toBe('Failed password for root');
  expect(textOf(['a', { b: 1 }, null])).toBe('a, {"b":1}, ');
});

test('an event of any size has an end', () => {
  const wide = Object.fromEntries(Array.from({ length: LEAVES_MAX * 2 }, (_one, at) => [`f${at}`, at]));
  expect(leavesOf(wide).length).toBe(LEAVES_MAX);
});

describe('marking', () => {
  const marked = (line: string, ...needles: string[]) =>
    piecesOf(line, needles)
      .map((piece) => (piece.hit ? `[${piece.text}]` : piece.text))
      .join('');

  test('values, the longer first', () => {
    expect(marked('for root from 10.0.0.12 and 10.0.0.1', '10.0.0.1', 'root', '10.0.0.12')).toBe('for [root] from [10.0.0.12] and [10.0.0.1]');
  });

  test('not inside other words, and no single characters', () => {
    expect(marked('rootkit root', 'root', 'k')).toBe('rootkit [root]');
  });

  test('no text is lost, however often it is marked', () => {
    const line = 'ab '.repeat(5_000);
    const pieces = piecesOf(line, ['ab']);
    expect(pieces.map((piece) => piece.text).join('')).toBe(line);
    expect(pieces.length).toBeLessThan(510);
  });
});
