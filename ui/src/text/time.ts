// Moments and spans of time: as people type them, as the address holds them, as the screen shows them.

export type Zone = 'utc' | 'local';

/** As in the address: `-24h`, `now`, or an RFC 3339 time in UTC. */
export interface Range {
  from: string;
  to: string;
}

/** Resolved, in milliseconds since 1970. */
export interface Span {
  from: number;
  to: number;
}

export const RANGE_DEFAULT: Range = { from: '-24h', to: 'now' };

/** What is shown when sample traffic begins: within a day it would be one bar. */
export const RANGE_DEMO = '-15m';

export const PRESETS: { from: string; label: string }[] = [
  { from: '-15m', label: 'Last 15 minutes' },
  { from: '-1h', label: 'Last hour' },
  { from: '-6h', label: 'Last 6 hours' },
  { from: '-24h', label: 'Last 24 hours' },
  { from: '-7d', label: 'Last 7 days' },
  { from: '-30d', label: 'Last 30 days' },
  { from: '-1y', label: 'Last year' },
];

const UNIT_MS: Record<string, number> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
};

const UNIT_WORDS: Record<string, string> = { s: 'second', m: 'minute', h: 'hour', d: 'day', w: 'week', y: 'year' };

const RELATIVE = /^(?:now)?\s*-\s*(\d{1,6})\s*(s|m|h|d|w|y)$/i;
const CIVIL = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?$/;
const CLOCK = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/;
const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/i;

/** Gives the moment that a text names, or null where it names none. */
export function momentOf(text: string, now: number, zone: Zone): number | null {
  const word = text.trim().toLowerCase();
  if (word === 'now') return now;
  if (word === 'today') return midnight(now, zone, 0);
  if (word === 'yesterday') return midnight(now, zone, -1);
  const relative = RELATIVE.exec(word);
  if (relative) return now - Number(relative[1]) * (UNIT_MS[relative[2] ?? ''] ?? 0);
  if (RFC3339.test(word)) return finite(Date.parse(word.toUpperCase()));
  const civil = CIVIL.exec(word.toUpperCase());
  if (civil) return civilMoment(civil.slice(1), zone);
  const clock = CLOCK.exec(word);
  if (clock) {
    const [year, month, day] = civilOf(now, zone);
    return civilMoment([String(year), String(month), String(day), ...clock.slice(1)], zone);
  }
  return null;
}

/** Gives the range that a person typed: `-6h`, `yesterday`, `2026-11-20`, `12:00 to 13:30`. */
export function rangeOf(text: string, now: number, zone: Zone): Range | null {
  const parts = text.trim().split(/\s+to\s+|\s*\.\.\s*/i);
  if (parts.length > 2 || parts[0] === undefined) return null;
  const [first, second] = parts;
  if (second !== undefined) {
    const from = addressMoment(first, now, zone);
    const to = addressMoment(second, now, zone);
    if (from === null || to === null) return null;
    const span = spanOf({ from, to }, now);
    return span && span.from < span.to ? { from, to } : null;
  }
  const word = first.toLowerCase();
  const bare = /^(\d{1,6})\s*(s|m|h|d|w|y)$/i.test(word) ? `-${word}` : word;
  if (RELATIVE.test(bare)) return { from: relativeText(bare), to: 'now' };
  const from = momentOf(bare, now, zone);
  if (from === null || from >= now) return null;
  const wholeDay = word === 'yesterday' || /^\d{4}-\d{1,2}-\d{1,2}$/.test(word);
  const dayEnd = midnight(from, zone, 1);
  const to = wholeDay && dayEnd < now ? iso(dayEnd) : 'now';
  return { from: iso(from), to };
}

/** Gives the moments of a range, or null where the address holds nonsense. */
export function spanOf(range: Range, now: number): Span | null {
  const from = momentOf(range.from, now, 'utc');
  const to = momentOf(range.to, now, 'utc');
  return from === null || to === null || from >= to ? null : { from, to };
}

/** Moves a range by its own length: -1 is earlier, 1 is later, never past now. */
export function shifted(range: Range, steps: number, now: number): Range {
  const span = spanOf(range, now);
  if (!span) return RANGE_DEFAULT;
  const length = span.to - span.from;
  if (span.to + length * steps >= now && steps > 0) return { from: iso(now - length), to: 'now' };
  return { from: iso(span.from + length * steps), to: iso(span.to + length * steps) };
}

/** Says a range in words. */
export function rangeLabel(range: Range, zone: Zone, now: number): string {
  if (range.to === 'now') {
    const preset = PRESETS.find((row) => row.from === range.from);
    if (preset) return preset.label;
    const [, count = '', unit = ''] = RELATIVE.exec(range.from) ?? [];
    if (count !== '') return `Last ${count} ${UNIT_WORDS[unit.toLowerCase()] ?? ''}${Number(count) === 1 ? '' : 's'}`;
  }
  const span = spanOf(range, now);
  if (!span) return 'Not a time range';
  const to = range.to === 'now' ? 'now' : shortTime(span.to, zone);
  return `${shortTime(span.from, zone)} to ${to}`;
}

export function iso(moment: number): string {
  return new Date(moment).toISOString();
}

/** `11-20 11:59:53` */
export function shortTime(moment: number | string | null | undefined, zone: Zone): string {
  return fullTime(moment, zone).slice(5, 19);
}

/** `2026-11-20 11:59:53.123` */
export function fullTime(moment: number | string | null | undefined, zone: Zone): string {
  const at = typeof moment === 'string' ? Date.parse(moment) : (moment ?? NaN);
  if (!Number.isFinite(at)) return '';
  const [year, month, day, hour, minute, second, ms] = civilOf(at, zone);
  return `${year}-${two(month)}-${two(day)} ${two(hour)}:${two(minute)}:${two(second)}.${String(ms).padStart(3, '0')}`;
}

/** The offset from UTC at that moment: `UTC`, `UTC+01:00`. */
export function zoneName(zone: Zone, at: number): string {
  if (zone === 'utc') return 'UTC';
  const minutes = -new Date(at).getTimezoneOffset();
  if (minutes === 0) return 'UTC';
  const sign = minutes < 0 ? '-' : '+';
  return `UTC${sign}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
}

/** `now`, `53 s`, `12 min`, `5 h`, `3 d` */
export function age(moment: string | number | null | undefined, now: number): string {
  const at = typeof moment === 'string' ? Date.parse(moment) : (moment ?? NaN);
  if (!Number.isFinite(at)) return '';
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 2) return 'now';
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}

const STEPS_MS = [
  1, 2, 5, 10, 15, 30,
  60, 120, 300, 600, 900, 1_800,
  3_600, 7_200, 10_800, 21_600, 43_200,
  86_400, 172_800, 604_800, 1_209_600, 2_592_000, 7_776_000,
].map((seconds) => seconds * 1_000);

/** Gives round moments within a span, as a clock of that zone shows them: at most so many. */
export function roundMoments(span: Span, wanted: number, zone: Zone): number[] {
  const length = span.to - span.from;
  const step = STEPS_MS.find((one) => length / one <= wanted) ?? Math.ceil(length / wanted);
  // Counted from a midnight, so that whole hours and days are whole where the reader is.
  const start = midnight(span.from, zone, 0);
  const first = start + Math.ceil((span.from - start) / step) * step;
  return Array.from({ length: Math.max(0, Math.floor((span.to - first) / step) + 1) }, (_one, at) => first + at * step);
}

function addressMoment(text: string, now: number, zone: Zone): string | null {
  const word = text.trim().toLowerCase();
  if (word === 'now') return 'now';
  if (RELATIVE.test(word)) return relativeText(word);
  const moment = momentOf(word, now, zone);
  return moment === null ? null : iso(moment);
}

function relativeText(word: string): string {
  return word.replace(/^now/, '').replaceAll(/\s+/g, '');
}

/** Gives the moment of written numbers, or null where the calendar has no such day. */
function civilMoment(parts: (string | undefined)[], zone: Zone): number | null {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts
    .slice(0, 6)
    .map((part) => Number(part ?? 0));
  const ms = Number((parts[6] ?? '0').padEnd(3, '0').slice(0, 3));
  if (month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59) return null;
  const at =
    zone === 'utc'
      ? Date.UTC(year, month - 1, day, hour, minute, second, ms)
      : new Date(year, month - 1, day, hour, minute, second, ms).getTime();
  // The calendar rolls 30 February over into March: such a day was not meant.
  return civilOf(at, zone)[2] === day ? finite(at) : null;
}

function midnight(at: number, zone: Zone, days: number): number {
  const [year, month, day] = civilOf(at, zone);
  return zone === 'utc' ? Date.UTC(year, month - 1, day + days) : new Date(year, month - 1, day + days).getTime();
}

function civilOf(at: number, zone: Zone): [number, number, number, number, number, number, number] {
  const date = new Date(at);
  return zone === 'utc'
    ? [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds(), date.getUTCMilliseconds()]
    : [date.getFullYear(), date.getMonth() + 1, date.getDate(), date.getHours(), date.getMinutes(), date.getSeconds(), date.getMilliseconds()];
}

function two(number: number): string {
  return String(number).padStart(2, '0');
}

function finite(number: number): number | null {
  return Number.isFinite(number) ? number : null;
}
