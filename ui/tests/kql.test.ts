import { describe, expect, test } from 'vitest';
import { parse } from '../dev/mock/kql.mjs';
import { condition, conditions, excluding, including, quoted, without } from '../src/text/kql';

const HOSTILE = [
  'root',
  'x" or user.name: "root',
  'back\\slash',
  'ends with \\',
  '" and not event.module: *',
  'or',
  'NOT',
  'admin*',
  '(root)',
  '2001:db8::1',
  '<img src=x onerror=alert(1)>',
  'two words',
  '',
];

describe('quoting', () => {
  test.each([
    ['root', 'root'],
    ['203.0.113.9', '203.0.113.9'],
    ['2001:db8::1', '"2001:db8::1"'],
    ['two words', '"two words"'],
    ['or', '"or"'],
    ['admin*', '"admin*"'],
    ['x" or a: "b', '"x\\" or a: \\"b"'],
    ['c:\\temp', '"c:\\\\temp"'],
    [22, '22'],
    [true, 'true'],
  ])('%j', (value, wanted) => {
    expect(quoted(value)).toBe(wanted);
  });

  test('a value means itself, whatever an attacker has put into it', () => {
    for (const value of HOSTILE) {
      const test = parse(condition('user.name', value));
      for (const other of HOSTILE) {
        expect(test({ original: '', fields: { 'user.name': other, 'event.module': 'sshd' } }), `${value} against ${other}`).toBe(other === value);
      }
    }
  });
});

describe('narrowing', () => {
  test('the first condition stands alone', () => {
    expect(including('', 'user.name: root')).toBe('user.name: root');
    expect(excluding('', 'user.name: root')).toBe('not user.name: root');
  });

  test('the next one is joined', () => {
    expect(including('a: 1', 'b: 2')).toBe('a: 1 and b: 2');
    expect(excluding('a: 1', 'b: 2')).toBe('a: 1 and not b: 2');
  });

  test('an alternative keeps its meaning', () => {
    expect(including('a: 1 or b: 2', 'c: 3')).toBe('(a: 1 or b: 2) and c: 3');
  });

  test('nothing stands twice, and the opposite makes way', () => {
    expect(including('a: 1 and b: 2', 'b: 2')).toBe('a: 1 and b: 2');
    expect(including('not a: 1', 'a: 1')).toBe('a: 1');
    expect(excluding('a: 1 and b: 2', 'a: 1')).toBe('b: 2 and not a: 1');
  });

  test('absence turns into presence', () => {
    expect(condition('user.name', null)).toBe('not user.name: *');
    expect(excluding('', condition('user.name', null))).toBe('user.name: *');
  });

  test('words inside quotes and parentheses are left alone', () => {
    const query = 'a: "x and y" and (b: 1 or c: 2 and d: 3) AND e: "q\\" and r"';
    expect(conditions(query)).toEqual(['a: "x and y"', '(b: 1 or c: 2 and d: 3)', 'e: "q\\" and r"']);
    expect(without(query, 'a: "x and y"')).toBe('(b: 1 or c: 2 and d: 3) and e: "q\\" and r"');
  });

  test('what is not finished comes to an end', () => {
    expect(conditions('a: "open and b')).toEqual(['a: "open and b']);
    expect(conditions('a: \\')).toEqual(['a: \\']);
    expect(conditions('((a and b')).toEqual(['((a and b']);
  });
});
