import { expect, test } from 'vitest';
import { bytes, counted, exact, percent, rough } from '../src/text/number';
import { strengthOf } from '../src/text/password';
import { sentences, whyBeside } from '../src/text/words';

test('numbers', () => {
  expect([0, 0.4, 950, 9_999, 12_345, 1_204_551, 2e9].map(rough)).toEqual(['0', '0.4', '950', '9,999', '12.3 k', '1.2 M', '2 G']);
  expect(exact(1_204_551)).toBe('1,204,551');
  expect([bytes(12), bytes(48_300_000)]).toEqual(['12 B', '48.3 MB']);
  expect([percent(1, 3), percent(1, 1000), percent(0, 5), percent(1, 0)]).toEqual(['33 %', '<1 %', '0 %', '']);
  expect([counted(1, 'event'), counted(2, 'event')]).toEqual(['1 event', '2 events']);
});

test('passwords', () => {
  expect(strengthOf('short', 'admin')).toBe('short');
  expect(strengthOf('aaaaaaaaaaaaaaaa', 'admin')).toBe('weak');
  expect(strengthOf('adminadminadmin1', 'admin')).toBe('weak');
  expect(strengthOf('password1234567', 'admin')).not.toBe('strong');
  expect(strengthOf('correct horse battery staple', 'admin')).toBe('strong');
});

test('why, beside the entity', () => {
  const entity = { type: 'address', value: '10.0.0.1' } as const;
  expect(whyBeside({ entity, summary: '10.0.0.1 sent SQL injection' })).toBe('sent SQL injection');
  expect(whyBeside({ entity, summary: '10.0.0.12 sent SQL injection' })).toBe('10.0.0.12 sent SQL injection');
  expect(whyBeside({ entity: null, summary: ' nobody did' })).toBe(' nobody did');
});

test('notes of a rule, one sentence after the other', () => {
  expect(sentences(['A script with an old password.', 'Many people behind one address'])).toBe('A script with an old password. Many people behind one address.');
});
