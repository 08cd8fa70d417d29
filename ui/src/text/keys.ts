// The keyboard: one table from which keys are understood and the help page is printed.

export interface KeyRow {
  /** As the browser names it (`KeyboardEvent.key`); two keys with a blank between are pressed one after the other. */
  keys: string;
  command: Command;
  label: string;
  group: 'Everywhere' | 'Go to' | 'Lists' | 'Alerts';
}

export const KEYS = [
  { keys: '?', command: 'help', label: 'This help', group: 'Everywhere' },
  { keys: '/', command: 'query', label: 'Query', group: 'Everywhere' },
  { keys: 't', command: 'time', label: 'Time range', group: 'Everywhere' },
  { keys: ',', command: 'earlier', label: 'Earlier', group: 'Everywhere' },
  { keys: '.', command: 'later', label: 'Later', group: 'Everywhere' },
  { keys: 'L', command: 'live', label: 'Live on or off', group: 'Everywhere' },
  { keys: '[', command: 'navigation', label: 'Fold the navigation', group: 'Everywhere' },
  { keys: 'y', command: 'link', label: 'Copy the link to this view', group: 'Everywhere' },
  { keys: 'g o', command: 'go-overview', label: 'Overview', group: 'Go to' },
  { keys: 'g a', command: 'go-alerts', label: 'Alerts', group: 'Go to' },
  { keys: 'g s', command: 'go-search', label: 'Search', group: 'Go to' },
  { keys: 'g q', command: 'go-sql', label: 'SQL', group: 'Go to' },
  { keys: 'g n', command: 'go-network', label: 'Network', group: 'Go to' },
  { keys: 'g d', command: 'go-decoys', label: 'Decoys', group: 'Go to' },
  { keys: 'g r', command: 'go-rules', label: 'Rules', group: 'Go to' },
  { keys: 'g c', command: 'go-access', label: 'Access', group: 'Go to' },
  { keys: 'j', command: 'next', label: 'Next row', group: 'Lists' },
  { keys: 'k', command: 'previous', label: 'Previous row', group: 'Lists' },
  { keys: 'Enter', command: 'open', label: 'Open the panel', group: 'Lists' },
  { keys: 'Escape', command: 'close', label: 'Close, or go back', group: 'Lists' },
  { keys: 'i', command: 'include', label: 'Include the focused value', group: 'Lists' },
  { keys: 'o', command: 'exclude', label: 'Exclude the focused value', group: 'Lists' },
  { keys: 'x', command: 'select', label: 'Select the row', group: 'Alerts' },
  { keys: 'J', command: 'extend-next', label: 'Extend the selection down', group: 'Alerts' },
  { keys: 'K', command: 'extend-previous', label: 'Extend the selection up', group: 'Alerts' },
  { keys: '*', command: 'select-all', label: 'Select all that match', group: 'Alerts' },
  { keys: 'e', command: 'acknowledge', label: 'Acknowledge: mine, and on to the next', group: 'Alerts' },
  { keys: '1', command: 'true_positive', label: 'Close as true positive', group: 'Alerts' },
  { keys: '2', command: 'false_positive', label: 'Close as false positive', group: 'Alerts' },
  { keys: '3', command: 'benign', label: 'Close as benign', group: 'Alerts' },
  { keys: '4', command: 'duplicate', label: 'Close as duplicate', group: 'Alerts' },
  { keys: 'a', command: 'assign', label: 'Assign', group: 'Alerts' },
  { keys: 'n', command: 'note', label: 'Note', group: 'Alerts' },
  { keys: 'v', command: 'evidence', label: 'Evidence', group: 'Alerts' },
  { keys: 'r', command: 'original', label: 'Original line', group: 'Alerts' },
  { keys: 'w', command: 'rule', label: 'Rule', group: 'Alerts' },
  { keys: 'z', command: 'undo', label: 'Undo (10 s)', group: 'Alerts' },
] as const satisfies readonly { keys: string; command: string; label: string; group: string }[];

export type Command = (typeof KEYS)[number]['command'];

/** How long the second key of a pair is waited for. */
export const PAIR_MS = 1_000;

export interface Press {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  at: number;
  /** Whether the press lands in a field for text. */
  typing: boolean;
}

const BY_KEYS = new Map<string, Command>(KEYS.map((row) => [row.keys, row.command]));
const FIRSTS = new Set<string>(KEYS.filter((row) => row.keys.includes(' ')).map((row) => row.keys[0] ?? ''));

/** Understands presses one after the other. */
export class Keyboard {
  /** People who dictate may turn single letters off (WCAG 2.1.4). */
  lettersOn = true;
  #first = '';
  #firstAt = 0;

  press(press: Press): Command | null {
    const first = press.at - this.#firstAt <= PAIR_MS ? this.#first : '';
    this.#first = '';
    if (press.ctrlKey || press.metaKey || press.altKey || press.typing) return null;
    if (!this.lettersOn && press.key.length === 1) return null;
    const pair = first ? BY_KEYS.get(`${first} ${press.key}`) : undefined;
    if (pair) return pair;
    if (FIRSTS.has(press.key)) {
      this.#first = press.key;
      this.#firstAt = press.at;
      return null;
    }
    return BY_KEYS.get(press.key) ?? null;
  }
}

const NO_TEXT = new Set(['button', 'checkbox', 'radio', 'submit', 'reset', 'range', 'color', 'file']);

/** Tells whether an element takes text, so that letters are meant for it. */
export function takesText(element: { tagName: string; type?: unknown; isContentEditable?: boolean } | null): boolean {
  if (!element) return false;
  if (element.isContentEditable) return true;
  const tag = element.tagName.toLowerCase();
  if (tag === 'textarea' || tag === 'select') return true;
  return tag === 'input' && !NO_TEXT.has(String(element.type));
}
