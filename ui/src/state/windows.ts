// A long result seen through windows: a few are held, the others are asked for again when needed.

export interface Window<T> {
  /** What the server wants to be given for this window; null for the first. */
  cursor: string | null;
  /** How many rows it has. */
  length: number;
  /** The rows, or null where they were dropped to save memory. */
  items: T[] | null;
}

export interface Windows<T> {
  list: Window<T>[];
  /** The cursor of what follows; null at the end. */
  next: string | null;
}

export const WINDOW_ROWS = 200;
export const WINDOWS_HELD_MAX = 10;

export function windowsOf<T>(items: T[], next: string | null): Windows<T> {
  return { list: [{ cursor: null, length: items.length, items }], next };
}

export function rowCount<T>(windows: Windows<T>): number {
  return windows.list.reduce((sum, one) => sum + one.length, 0);
}

/** Gives a row; undefined while its window is away. */
export function rowAt<T>(windows: Windows<T>, index: number): T | undefined {
  const found = windowAt(windows, index);
  return found ? windows.list[found.window]?.items?.[found.row] : undefined;
}

/** Gives in which window a row stands. */
export function windowAt<T>(windows: Windows<T>, index: number): { window: number; row: number } | null {
  let row = index;
  for (const [window, one] of windows.list.entries()) {
    if (row < one.length) return { window, row };
    row -= one.length;
  }
  return null;
}

/** Adds the window that follows and drops the rows of those farthest from it. */
export function withNext<T>(windows: Windows<T>, items: T[], next: string | null): Windows<T> {
  const list = [...windows.list, { cursor: windows.next, length: items.length, items }];
  return { list: thinned(list, list.length - 1), next };
}

/** Puts rows back that were dropped; the window keeps its length, so that nothing moves. */
export function refilled<T>(windows: Windows<T>, window: number, items: T[]): Windows<T> {
  const list = windows.list.map((one, at) => (at === window ? { ...one, items: items.slice(0, one.length) } : one));
  return { ...windows, list: thinned(list, window) };
}

/** Puts newer rows on top of those held, and lets the oldest go beyond the bound. */
export function withNewer<T>(windows: Windows<T>, items: T[], rowsMax: number): { windows: Windows<T>; dropped: boolean } {
  const away = windows.list.findIndex((one) => one.items === null);
  const held = (away < 0 ? windows.list : windows.list.slice(0, away)).flatMap((one) => one.items ?? []);
  const rows = [...items, ...held];
  const dropped = rows.length > rowsMax || away >= 0;
  const kept = rows.slice(0, rowsMax);
  // What was dropped cannot be paged to any more: the cursors stand beyond it.
  return { windows: windowsOf(kept, dropped ? null : windows.next), dropped };
}

function thinned<T>(list: Window<T>[], centre: number): Window<T>[] {
  const held = list.map((_one, at) => at).filter((at) => list[at]?.items);
  if (held.length <= WINDOWS_HELD_MAX) return list;
  // The first window is never dropped: without a cursor it could not be told from newer rows.
  const farthest = held
    .filter((at) => at !== 0)
    .sort((one, other) => Math.abs(other - centre) - Math.abs(one - centre))
    .slice(0, held.length - WINDOWS_HELD_MAX);
  return list.map((one, at) => (farthest.includes(at) ? { ...one, items: null } : one));
}
