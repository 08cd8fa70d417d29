// The menu that every value has: Include, Exclude, Only, Copy.

import { condition, excluding, including } from '../text/kql';
import { textOf } from '../text/event';
import { notices } from './notices.svelte';
import { place } from './place.svelte';

export interface FieldValue {
  field: string;
  value: unknown;
}

export type ValueDeed = 'include' | 'exclude' | 'only';

class Values {
  /** The value whose menu is open, and the element that it hangs on. */
  open = $state.raw<{ of: FieldValue; anchor: HTMLElement } | null>(null);
  /** The value that has the focus, for the keys. */
  focused: FieldValue | null = null;

  show(of: FieldValue, anchor: HTMLElement): void {
    this.open = { of, anchor };
  }

  /** Searches with, without, or for nothing but a value. */
  apply(deed: ValueDeed, of: FieldValue): void {
    const search = place.route.page === 'search';
    const query = search ? place.get('q') : '';
    const wanted = condition(of.field, of.value);
    const next = deed === 'only' ? wanted : deed === 'include' ? including(query, wanted) : excluding(query, wanted);
    place.go(search ? place.with({ q: next, event: null }) : place.to('/search', { q: next }));
  }
}

export const values = new Values();

/** Puts text where the user can paste it, and says so. */
export async function copy(text: unknown, what = 'Copied'): Promise<void> {
  try {
    await navigator.clipboard.writeText(textOf(text));
    notices.done(what);
  } catch {
    notices.failed('The browser did not allow copying. Over plain HTTP it does so on this machine only.');
  }
}
