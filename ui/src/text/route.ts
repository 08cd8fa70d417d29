// Which page an address means, and how the state of the console is written into it.

export type PageName = 'overview' | 'alerts' | 'alert' | 'search' | 'sql' | 'network' | 'decoys' | 'rules' | 'access' | 'login' | 'setup' | 'missing';

export interface Route {
  page: PageName;
  id: string | null;
}

const PAGES: Record<string, PageName> = {
  '/': 'overview',
  '/alerts': 'alerts',
  '/search': 'search',
  '/sql': 'sql',
  '/network': 'network',
  '/decoys': 'decoys',
  '/rules': 'rules',
  '/access': 'access',
  '/login': 'login',
  '/setup': 'setup',
};

/** Gives the page of a path; a slash too many at the end does not matter. */
export function routeOf(path: string): Route {
  const plain = path.length > 1 ? path.replace(/\/+$/, '') || '/' : path;
  const page = PAGES[plain];
  if (page) return { page, id: null };
  const alert = /^\/alerts\/([^/]+)$/.exec(plain);
  if (alert?.[1]) {
    const id = decoded(alert[1]);
    if (id !== null) return { page: 'alert', id };
  }
  return { page: 'missing', id: null };
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

export type Changes = Record<string, string | null | undefined>;

/** What stays in the address from page to page. */
export const KEPT = ['from', 'to', 'tz'] as const;

const ORDER = ['q', 'from', 'to', 'tz'];

/** Gives the address with some parameters changed; null takes one out. */
export function addressWith(path: string, query: URLSearchParams, changes: Changes): string {
  const next = new URLSearchParams(query);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === '') next.delete(name);
    else next.set(name, value);
  }
  return written(path, next);
}

/** Gives the address of another page: the time goes along, the rest of the old page's state does not. */
export function addressOf(path: string, query: URLSearchParams, changes: Changes = {}): string {
  const next = new URLSearchParams();
  for (const name of KEPT) {
    const value = query.get(name);
    if (value) next.set(name, value);
  }
  return addressWith(path, next, changes);
}

/** Always in one order, so that equal states have equal addresses. */
function written(path: string, query: URLSearchParams): string {
  const rank = (name: string) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  const pairs = [...query].sort(([one], [other]) => rank(one) - rank(other) || one.localeCompare(other));
  const text = new URLSearchParams(pairs).toString();
  return text ? `${path}?${text}` : path;
}
