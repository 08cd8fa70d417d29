import { describe, expect, test } from 'vitest';
import { refilled, rowAt, rowCount, windowAt, WINDOWS_HELD_MAX, windowsOf, withNewer, withNext } from '../src/state/windows';

const numbers = (from: number, count: number) => Array.from({ length: count }, (_one, at) => from + at);

function grown(windows: number) {
  let result = windowsOf(numbers(0, 10), 'c1');
  for (let at = 1; at < windows; at += 1) result = withNext(result, numbers(at * 10, 10), `c${at + 1}`);
  return result;
}

describe('windows over a long result', () => {
  test('rows are found across windows', () => {
    const windows = grown(3);
    expect(rowCount(windows)).toBe(30);
    expect(rowAt(windows, 25)).toBe(25);
    expect(windowAt(windows, 30)).toBeNull();
    expect(rowAt(windows, 30)).toBeUndefined();
  });

  test('each window remembers what it was asked with', () => {
    expect(grown(3).list.map((one) => one.cursor)).toEqual([null, 'c1', 'c2']);
    expect(grown(3).next).toBe('c3');
  });

  test('only a few are held, the first always', () => {
    const windows = grown(40);
    const held = windows.list.filter((one) => one.items !== null).length;
    expect(held).toBe(WINDOWS_HELD_MAX);
    expect(rowAt(windows, 0)).toBe(0);
    expect(rowAt(windows, 15)).toBeUndefined();
    expect(rowAt(windows, 399)).toBe(399);
    expect(rowCount(windows)).toBe(400);
  });

  test('what was dropped comes back, and nothing moves', () => {
    const windows = refilled(grown(40), 1, numbers(10, 12));
    expect(rowAt(windows, 15)).toBe(15);
    expect(rowAt(windows, 20)).toBeUndefined();
    expect(rowCount(windows)).toBe(400);
    expect(windows.list.filter((one) => one.items !== null).length).toBe(WINDOWS_HELD_MAX);
  });
});

describe('newer rows', () => {
  test('stand on top, and paging goes on below', () => {
    const { windows, dropped } = withNewer(grown(2), [-2, -1], 100);
    expect([rowAt(windows, 0), rowAt(windows, 2), rowCount(windows)]).toEqual([-2, 0, 22]);
    expect([windows.next, dropped]).toEqual(['c2', false]);
  });

  test('push the oldest out at the bound, and say so', () => {
    const { windows, dropped } = withNewer(grown(2), [-2, -1], 15);
    expect([rowCount(windows), windows.next, dropped]).toEqual([15, null, true]);
  });
});
