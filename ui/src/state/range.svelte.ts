// The time range in the address, and the zone that times are shown in.

import { iso, RANGE_DEFAULT, shifted, spanOf, type Range, type Span, type Zone } from '../text/time';
import { place } from './place.svelte';

class TimeRange {
  readonly range: Range = $derived({
    from: place.get('from') || RANGE_DEFAULT.from,
    to: place.get('to') || RANGE_DEFAULT.to,
  });
  /** Whether the address names a range at all. */
  readonly chosen = $derived(place.get('from') !== '' || place.get('to') !== '');
  readonly zone: Zone = $derived(place.get('tz') === 'utc' ? 'utc' : 'local');

  /** Gives the moments of now; a range that cannot be read counts as the default. */
  span(now = Date.now()): Span {
    return spanOf(this.range, now) ?? spanOf(RANGE_DEFAULT, now) ?? { from: now - 86_400_000, to: now };
  }

  /** Gives the span as the server wants it. */
  between(now = Date.now()): { from: string; to: string } {
    const span = this.span(now);
    return { from: iso(span.from), to: iso(span.to) };
  }

  /** Takes the range out of the address: a list then has no bounds, a chart the usual ones. */
  clear(): void {
    place.change({ from: null, to: null });
  }

  set(range: Range): void {
    const unbounded = place.route.page === 'alerts';
    const usual = !unbounded && range.from === RANGE_DEFAULT.from && range.to === RANGE_DEFAULT.to;
    place.change({ from: usual ? null : range.from, to: usual || range.to === 'now' ? null : range.to });
  }

  shift(steps: number): void {
    this.set(shifted(this.range, steps, Date.now()));
  }

  setZone(zone: Zone): void {
    place.replace(place.with({ tz: zone === 'utc' ? 'utc' : null }));
  }
}

export const time = new TimeRange();
