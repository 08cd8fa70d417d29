import { describe, expect, test } from 'vitest';
import { addressOf, addressWith, routeOf } from '../src/text/route';

describe('the page of a path', () => {
  test.each([
    ['/', 'overview', null],
    ['/alerts', 'alerts', null],
    ['/alerts/', 'alerts', null],
    ['/alerts/12', 'alert', '12'],
    ['/alerts/a%2Fb', 'alert', 'a/b'],
    ['/search', 'search', null],
    ['/setup', 'setup', null],
    ['/access', 'access', null],
    ['/alerts/1/2', 'missing', null],
    ['/alerts/%E0%A4%A', 'missing', null],
    ['//', 'overview', null],
    ['/constructor', 'missing', null],
    ['/nowhere', 'missing', null],
  ])('%s', (path, page, id) => {
    expect(routeOf(path)).toEqual({ page, id });
  });
});

describe('the state in the address', () => {
  const query = new URLSearchParams('q=user.name: root&from=-6h&tz=utc&event=7');

  test('a change keeps the rest', () => {
    expect(addressWith('/search', query, { event: null, q: 'a and b' })).toBe('/search?q=a+and+b&from=-6h&tz=utc');
  });

  test('the time goes along to another page, the query does not', () => {
    expect(addressOf('/alerts', query)).toBe('/alerts?from=-6h&tz=utc');
    expect(addressOf('/alerts', query, { level: 'high', from: null })).toBe('/alerts?tz=utc&level=high');
  });

  test('equal states have equal addresses', () => {
    const one = addressWith('/search', new URLSearchParams('from=-1h&q=x&cols=a'), {});
    const other = addressWith('/search', new URLSearchParams('cols=a&q=x&from=-1h'), {});
    expect(one).toBe(other);
  });

  test('what is hostile is written as a value', () => {
    const address = addressWith('/search', new URLSearchParams(), { q: 'a&from=-1y#"><script>' });
    expect([...new URL(address, 'http://x').searchParams]).toEqual([['q', 'a&from=-1y#"><script>']]);
  });
});
