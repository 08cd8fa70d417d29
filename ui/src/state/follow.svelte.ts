// Whether the page follows what happens, or stands still to be read.

import { place } from './place.svelte';

class Follow {
  /** When it was stopped, in milliseconds. */
  stoppedAt = $state(0);
  readonly offered = $derived(['overview', 'alerts', 'search'].includes(place.route.page));
  /** A search stands still unless asked to follow; the other pages follow. */
  readonly on = $derived(place.get('live') === '' ? place.route.page !== 'search' : place.get('live') === '1');

  toggle(): void {
    if (!this.offered) return;
    const on = !this.on;
    if (!on) this.stoppedAt = Date.now();
    const usual = place.route.page !== 'search';
    place.replace(place.with({ live: on === usual ? null : on ? '1' : '0' }));
  }
}

export const follow = new Follow();
