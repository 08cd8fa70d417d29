import { describe, expect, test } from 'vitest';
import type { Alert } from '../src/api/types';
import { appended, belongs, cursorAfter, edited, EMPTY, inserted, released, removed, reversed, withArrived } from '../src/state/alert_rows';

function alert(id: string, more: Partial<Alert> = {}): Alert {
  return {
    id,
    rule_id: 'password_spray',
    title: 'Many failed log-ins',
    level: 'high',
    tags: ['attack.t1110'],
    entity: { type: 'address', value: '203.0.113.9' },
    summary: '6 failed log-ins',
    status: 'open',
    verdict: null,
    assignee: null,
    count: 6,
    first: '2026-11-21T12:00:00Z',
    last: '2026-11-21T12:05:00Z',
    events: 6,
    simulated: false,
    version: 1,
    ...more,
  };
}

const rows = { ...EMPTY, items: [alert('1'), alert('2'), alert('3')], total: 3 };
const ids = (list: Alert[]) => list.map((one) => one.id).join(' ');
const OPEN = { status: 'open' };

describe('an alert arrives', () => {
  test('on top, where nobody is at work', () => {
    const next = withArrived(rows, alert('4'), OPEN, 'move');
    expect(ids(next.items)).toBe('4 1 2 3');
    expect(next.total).toBe(4);
  });

  test('and is held, where somebody is', () => {
    const next = withArrived(withArrived(rows, alert('4'), OPEN, 'hold'), alert('5'), OPEN, 'hold');
    expect(ids(next.items)).toBe('1 2 3');
    expect(ids(next.held)).toBe('5 4');
    expect(next.total).toBe(5);
    expect(ids(released(next).items)).toBe('5 4 1 2 3');
    expect(released(next).held).toEqual([]);
  });

  test('held twice, it counts once', () => {
    const once = withArrived(rows, alert('4'), OPEN, 'hold');
    const twice = withArrived(once, alert('4', { count: 9 }), OPEN, 'hold');
    expect(twice.held.map((one) => one.count)).toEqual([9]);
    expect(twice.total).toBe(4);
    expect(withArrived(twice, alert('4', { status: 'closed' }), OPEN, 'hold').total).toBe(3);
  });

  test('grown, it stays where it is, though its version is the same', () => {
    const next = withArrived(rows, alert('2', { count: 60 }), OPEN, 'hold');
    expect(ids(next.items)).toBe('1 2 3');
    expect(next.items[1]?.count).toBe(60);
    expect(next.total).toBe(3);
  });

  test('grown, it goes where its time belongs, if rows may move', () => {
    const list = { ...rows, items: [alert('1', { last: '2026-11-21T12:09:00Z' }), alert('2'), alert('3')] };
    expect(ids(withArrived(list, alert('3', { last: '2026-11-21T12:10:00Z' }), OPEN, 'move').items)).toBe('3 1 2');
    expect(ids(withArrived(list, alert('3', { last: '2026-11-21T12:07:00.5Z' }), OPEN, 'move').items)).toBe('1 3 2');
    expect(ids(withArrived(list, alert('4', { last: '2026-11-21T12:07:00Z' }), OPEN, 'move').items)).toBe('1 4 2 3');
  });

  test('grown, and not loaded yet, it is counted already', () => {
    const grown = { ...alert('9'), change: 'grown' as const };
    expect(withArrived({ ...rows, next: 'more', total: 300 }, grown, OPEN, 'move').total).toBe(300);
    expect(withArrived(rows, grown, OPEN, 'move').total).toBe(4);
    expect(withArrived({ ...rows, next: 'more', total: 300 }, { ...grown, change: 'created' }, OPEN, 'move').total).toBe(301);
  });

  test('old news changes nothing', () => {
    const known = { ...rows, items: [alert('1', { version: 3, status: 'acknowledged' })] };
    expect(withArrived(known, alert('1', { version: 2 }), {}, 'move')).toBe(known);
  });

  test('no longer of this list, it goes', () => {
    const next = withArrived(rows, alert('2', { status: 'closed', version: 2 }), OPEN, 'hold');
    expect(ids(next.items)).toBe('1 3');
    expect(next.total).toBe(2);
  });

  test('and not of this list, it does not come', () => {
    expect(withArrived(rows, alert('4', { level: 'low' }), { level: 'high,critical' }, 'move')).toBe(rows);
  });
});

describe('what belongs into a list', () => {
  test.each([
    [{}, true],
    [{ status: 'open,acknowledged' }, true],
    [{ status: 'closed' }, false],
    [{ rule: 'password_spray' }, true],
    [{ rule: 'other' }, false],
    [{ entity: '203.0.113.9' }, true],
    [{ entity: 'address:203.0.113.9' }, true],
    [{ entity: 'user:203.0.113.9' }, false],
    [{ assignee: 'me' }, false],
    [{ q: 'failed T1110' }, true],
    [{ q: 'failed nothing' }, false],
    [{ from: '2026-11-21T12:04:00Z' }, true],
    [{ from: '2026-11-21T12:06:00Z' }, false],
    [{ to: '2026-11-21T12:04:00Z' }, false],
  ])('%j', (filter, wanted) => {
    expect(belongs(alert('1'), filter)).toBe(wanted);
  });
});

describe('a deed', () => {
  test('a verdict closes, and reopening takes it back', () => {
    const closed = edited(alert('1'), { verdict: 'benign', note: 'known scanner' });
    expect([closed.status, closed.verdict]).toEqual(['closed', 'benign']);
    const open = edited(closed, { status: 'open' });
    expect([open.status, open.verdict]).toEqual(['open', null]);
    expect(edited(alert('1', { assignee: 'eve' }), { assignee: null }).assignee).toBeNull();
  });

  test('what was done can be taken back', () => {
    for (const before of [alert('1'), alert('1', { status: 'acknowledged', assignee: 'eve' }), alert('1', { status: 'closed', verdict: 'duplicate' })]) {
      const after = edited(before, { verdict: 'true_positive', assignee: 'me' });
      expect(edited(after, reversed(before))).toEqual(before);
    }
  });

  test('what was removed comes back to its place, once', () => {
    const gone = removed(rows, ['2']);
    expect(gone.total).toBe(2);
    expect(ids(inserted(gone, alert('2'), 1).items)).toBe('1 2 3');
    expect(inserted(rows, alert('2', { count: 7 }), 0).total).toBe(3);
    const heldAlready = withArrived(gone, alert('2', { version: 3 }), OPEN, 'hold');
    expect(inserted(heldAlready, alert('2', { version: 3 }), 1)).toEqual({ ...rows, items: [alert('1'), alert('2', { version: 3 }), alert('3')] });
  });

  test('the cursor stands on what moved into its place', () => {
    expect([cursorAfter(0, 3), cursorAfter(2, 2), cursorAfter(-1, 2), cursorAfter(0, 0)]).toEqual([0, 1, 0, -1]);
  });
});

test('the next window repeats nothing', () => {
  const next = appended(rows, [alert('3'), alert('4')], null, 4);
  expect(ids(next.items)).toBe('1 2 3 4');
});
