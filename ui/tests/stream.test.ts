import { describe, expect, test } from 'vitest';
import { MESSAGE_CHARS_MAX, StreamReader } from '../src/api/stream';

const TEXT = ': hello\n\nid: 7\nevent: alert\ndata: {"a":1}\n\ndata: one\ndata: two\r\n\r\nevent: empty\n\n';

describe('the live stream', () => {
  test('messages, comments and names', () => {
    const reader = new StreamReader();
    expect(reader.push(TEXT)).toEqual([
      { id: '7', event: 'alert', data: '{"a":1}' },
      { id: '7', event: 'message', data: 'one\ntwo' },
    ]);
    expect(reader.lastId).toBe('7');
  });

  test('cut anywhere, it says the same', () => {
    const whole = new StreamReader().push(TEXT.replaceAll('\r', ''));
    for (let at = 0; at <= TEXT.length; at += 1) {
      const text = TEXT.replaceAll('\r', '');
      const reader = new StreamReader();
      expect([...reader.push(text.slice(0, at)), ...reader.push(text.slice(at))]).toEqual(whole);
    }
  });

  test('a message without an end does not grow for ever', () => {
    const reader = new StreamReader();
    for (let at = 0; at < 40; at += 1) reader.push(`data: ${'x'.repeat(100_000)}\n`);
    const [message] = reader.push('\n');
    expect(message?.data.length).toBeLessThanOrEqual(MESSAGE_CHARS_MAX + 10);
  });
});
