import { describe, expect, test } from 'vitest';
import { Keyboard, KEYS, PAIR_MS, takesText, type Press } from '../src/text/keys';

function press(key: string, more: Partial<Press> = {}): Press {
  return { key, ctrlKey: false, metaKey: false, altKey: false, at: 0, typing: false, ...more };
}

describe('the keyboard', () => {
  test('a key is its command', () => {
    const keyboard = new Keyboard();
    expect(['j', 'e', '?', 'Enter', 'Escape', '*', 'J'].map((key) => keyboard.press(press(key)))).toEqual([
      'next',
      'acknowledge',
      'help',
      'open',
      'close',
      'select-all',
      'extend-next',
    ]);
  });

  test('two keys, one after the other', () => {
    const keyboard = new Keyboard();
    expect(keyboard.press(press('g'))).toBeNull();
    expect(keyboard.press(press('a', { at: PAIR_MS }))).toBe('go-alerts');
    expect(keyboard.press(press('a', { at: PAIR_MS + 1 }))).toBe('assign');
  });

  test('the second key comes too late', () => {
    const keyboard = new Keyboard();
    keyboard.press(press('g'));
    expect(keyboard.press(press('a', { at: PAIR_MS + 1 }))).toBe('assign');
  });

  test('letters that are typed are text', () => {
    const keyboard = new Keyboard();
    expect(keyboard.press(press('e', { typing: true }))).toBeNull();
    expect(keyboard.press(press('Escape', { typing: true }))).toBeNull();
  });

  test('what belongs to the browser is left to it', () => {
    const keyboard = new Keyboard();
    expect(keyboard.press(press('a', { ctrlKey: true }))).toBeNull();
    expect(keyboard.press(press('r', { metaKey: true }))).toBeNull();
    expect(keyboard.press(press('1', { altKey: true }))).toBeNull();
  });

  test('single letters can be turned off', () => {
    const keyboard = new Keyboard();
    keyboard.lettersOn = false;
    expect(keyboard.press(press('e'))).toBeNull();
    expect(keyboard.press(press('Enter'))).toBe('open');
  });

  test('no key stands for two commands', () => {
    const keys = KEYS.map((row) => row.keys);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

test('which elements take text', () => {
  const element = (tagName: string, type?: string, isContentEditable = false) => ({ tagName, type, isContentEditable });
  expect(takesText(element('INPUT', 'text'))).toBe(true);
  expect(takesText(element('INPUT', 'search'))).toBe(true);
  expect(takesText(element('TEXTAREA'))).toBe(true);
  expect(takesText(element('SELECT'))).toBe(true);
  expect(takesText(element('DIV', undefined, true))).toBe(true);
  expect(takesText(element('INPUT', 'checkbox'))).toBe(false);
  expect(takesText(element('BUTTON'))).toBe(false);
  expect(takesText(null)).toBe(false);
});
