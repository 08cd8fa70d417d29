// Reading events: nested ECS JSON into dotted names, and lines into pieces to be marked.

import type { EventRecord } from '../api/types';

export interface Leaf {
  name: string;
  value: unknown;
}

/** How many fields of one event are shown. */
export const LEAVES_MAX = 2_000;

/** Gives the event's fields by dotted name, in the order of the names. */
export function leavesOf(event: EventRecord): Leaf[] {
  const leaves: Leaf[] = [];
  const visit = (value: unknown, name: string, depth: number): void => {
    if (leaves.length >= LEAVES_MAX) return;
    if (isObject(value) && depth < 16 && Object.keys(value).length > 0) {
      for (const [key, inner] of Object.entries(value)) visit(inner, name ? `${name}.${key}` : key, depth + 1);
    } else {
      leaves.push({ name, value });
    }
  };
  visit(event, '', 0);
  return leaves.sort((one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0));
}

/** Gives one field of an event, whether its name is nested or stands as one key. */
export function fieldOf(event: EventRecord, name: string): unknown {
  let value: unknown = event;
  let rest = name;
  while (isObject(value)) {
    if (rest in value) return value[rest];
    const dot = rest.indexOf('.');
    if (dot < 0) return undefined;
    value = value[rest.slice(0, dot)];
    rest = rest.slice(dot + 1);
  }
  return undefined;
}

/** Gives a value as one line of text. */
export function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (Array.isArray(value)) return value.map(textOf).join(', ');
  if (typeof value === 'object') return JSON.stringify(value);
  return String(value);
}

/** Gives what an event says in one line: its message, else the record itself. */
export function sentenceOf(event: EventRecord): string {
  return textOf(fieldOf(event, 'message') ?? fieldOf(event, 'event.original'));
}

export function idOf(event: EventRecord): string {
  return textOf(fieldOf(event, 'event.id'));
}

export interface Piece {
  text: string;
  hit: boolean;
}

const NEEDLES_MAX = 20;
const PIECES_MAX = 500;

/** Cuts a line at the values to be marked; longer values win over shorter ones. */
export function piecesOf(line: string, needles: string[]): Piece[] {
  const wanted = [...new Set(needles)]
    .filter((needle) => needle.length >= 2)
    .sort((one, other) => other.length - one.length)
    .slice(0, NEEDLES_MAX);
  const pieces: Piece[] = [];
  let rest = line;
  while (rest !== '' && pieces.length < PIECES_MAX) {
    const found = firstOf(rest, wanted);
    if (!found) break;
    if (found.at > 0) pieces.push({ text: rest.slice(0, found.at), hit: false });
    pieces.push({ text: found.needle, hit: true });
    rest = rest.slice(found.at + found.needle.length);
  }
  if (rest !== '') pieces.push({ text: rest, hit: false });
  return pieces;
}

function firstOf(line: string, needles: string[]): { needle: string; at: number } | null {
  let first: { needle: string; at: number } | null = null;
  for (const needle of needles) {
    const at = wholeWord(line, needle);
    if (at >= 0 && (first === null || at < first.at)) first = { needle, at };
  }
  return first;
}

/** `root` is not marked inside `rootkit`, nor `10.0.0.1` inside `10.0.0.12`. */
function wholeWord(line: string, needle: string): number {
  for (let at = line.indexOf(needle); at >= 0; at = line.indexOf(needle, at + 1)) {
    const before = line[at - 1] ?? ' ';
    const after = line[at + needle.length] ?? ' ';
    if (!/[A-Za-z0-9_]/.test(before) && !/[A-Za-z0-9_]/.test(after)) return at;
  }
  return -1;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const MARKED = ['source.ip', 'user.name', 'destination.ip', 'event.outcome', 'url.original', 'process.command_line', 'bartizan.inspection.evidence'];

/** Gives the values of an event that an alert usually stands on. */
export function markedValues(event: EventRecord): string[] {
  return MARKED.map((name) => textOf(fieldOf(event, name))).filter((text) => text !== '');
}
