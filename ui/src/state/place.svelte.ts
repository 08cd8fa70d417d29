// Where the console is: the address is the state, and Back works.

import { addressOf, addressWith, routeOf, type Changes, type Route } from '../text/route';

class Place {
  path = $state(location.pathname);
  query = $state.raw(new URLSearchParams(location.search));
  /** Grows when the user moves through the history, so that pages put their scroll back. */
  restored = $state(0);
  readonly route: Route = $derived(routeOf(this.path));

  get(name: string): string {
    return this.query.get(name) ?? '';
  }

  /** Gives the address of this page with changes. */
  with(changes: Changes): string {
    return addressWith(this.path, this.query, changes);
  }

  /** Gives the address of another page at the same time range. */
  to(path: string, changes: Changes = {}): string {
    return addressOf(path, this.query, changes);
  }

  /** Goes to an address; Back leads here again. */
  go(address: string): void {
    if (address === location.pathname + location.search) return;
    history.pushState(null, '', address);
    this.#read();
  }

  /** Writes an address without a step of its own in the history. */
  replace(address: string): void {
    history.replaceState(history.state, '', address);
    this.#read();
  }

  change(changes: Changes): void {
    this.go(this.with(changes));
  }

  /** Keeps where a list stands, for Back and for a reload. */
  keepScroll(name: string, top: number): void {
    const kept = { ...(history.state as object | null), [`scroll:${name}`]: Math.round(top) };
    history.replaceState(kept, '');
  }

  keptScroll(name: string): number {
    const kept = (history.state as Record<string, unknown> | null)?.[`scroll:${name}`];
    return typeof kept === 'number' ? kept : 0;
  }

  /** Follows links of our own and the history's buttons. */
  listen(): () => void {
    const clicked = (event: MouseEvent) => {
      if (event.defaultPrevented || event.button !== 0) return;
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
      const link = event.target instanceof Element ? event.target.closest('a[href]') : null;
      const href = link?.getAttribute('href');
      if (!link || !href?.startsWith('/') || href.startsWith('//') || link.hasAttribute('download')) return;
      event.preventDefault();
      this.go(href);
    };
    const moved = () => {
      this.#read();
      this.restored += 1;
    };
    document.addEventListener('click', clicked);
    window.addEventListener('popstate', moved);
    return () => {
      document.removeEventListener('click', clicked);
      window.removeEventListener('popstate', moved);
    };
  }

  #read(): void {
    this.path = location.pathname;
    if (location.search !== `?${this.query}`) this.query = new URLSearchParams(location.search);
  }
}

export const place = new Place();
