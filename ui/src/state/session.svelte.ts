// Who is signed in.

import * as api from '../api/calls';
import { asProblem, onSignedOut, setCsrf, type Problem } from '../api/client';
import type { Session } from '../api/types';
import { RANGE_DEMO } from '../text/time';
import { place } from './place.svelte';

class SessionState {
  value = $state.raw<Session | null>(null);
  problem = $state.raw<Problem | null>(null);
  readonly in = $derived(this.value?.state === 'in');
  /** A viewer looks; what changes something is not offered. */
  readonly mayEdit = $derived(this.value?.user?.role !== 'viewer');
  readonly user = $derived(this.value?.user?.name ?? '');

  constructor() {
    onSignedOut(() => void this.refresh());
  }

  async refresh(): Promise<void> {
    try {
      this.value = await api.session();
      setCsrf(this.value.csrf);
      this.problem = null;
    } catch (error) {
      this.problem = asProblem(error);
      return;
    }
    this.#settle();
  }

  async logOut(): Promise<void> {
    await api.logOut();
    await this.refresh();
  }

  /** Leads to the page that the state asks for, and back to where the user wanted to go. */
  #settle(): void {
    const page = place.route.page;
    const state = this.value?.state;
    if (state === 'in' && (page === 'login' || page === 'setup')) {
      const wanted = place.get('next');
      const first = page === 'setup' && this.value?.demo ? `/?from=${RANGE_DEMO}` : '/';
      place.replace(wanted.startsWith('/') && !wanted.startsWith('//') ? wanted : first);
    } else if (state === 'login' && page !== 'login') {
      const here = location.pathname + location.search;
      place.replace(here === '/' || page === 'setup' ? '/login' : `/login?next=${encodeURIComponent(here)}`);
    } else if (state === 'setup' && page !== 'setup') {
      place.replace('/setup');
    }
  }
}

export const session = new SessionState();
