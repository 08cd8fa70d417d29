// Writing the search bar's language: quoting values, and adding, turning and removing conditions.

const BARE = /^[A-Za-z0-9_][A-Za-z0-9_.\-/@]*$/;
const WORDS = new Set(['and', 'or', 'not']);

/** Gives a value so that the query means exactly it, whatever an attacker has put into it. */
export function quoted(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const text = String(value);
  if (BARE.test(text) && !WORDS.has(text.toLowerCase())) return text;
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** Gives the condition that a field has a value; null stands for "has none". */
export function condition(field: string, value: unknown): string {
  return value === null || value === undefined ? `not ${field}: *` : `${field}: ${quoted(value)}`;
}

/** Gives the query narrowed to a condition; the opposite condition makes way for it. */
export function including(query: string, added: string): string {
  return joined(query, added, negated(added));
}

/** Gives the query without what a condition matches. */
export function excluding(query: string, removed: string): string {
  return joined(query, negated(removed), removed);
}

function joined(query: string, added: string, opposite: string): string {
  const kept = conditions(query).filter((part) => part !== opposite && part !== added);
  return [...kept.map((part) => (kept.length + 1 > 1 ? grouped(part) : part)), added].join(' and ');
}

export function negated(part: string): string {
  return part.startsWith('not ') ? part.slice(4) : `not ${part}`;
}

/** Gives the parts that all must hold: what stands between the outermost `and`s. */
export function conditions(query: string): string[] {
  const words = outerWords(query);
  if (words.some((word) => word.text === 'or')) return [query.trim()];
  const parts: string[] = [];
  let start = 0;
  for (const word of words) {
    if (word.text !== 'and') continue;
    parts.push(query.slice(start, word.at));
    start = word.at + word.text.length;
  }
  parts.push(query.slice(start));
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

/** Gives the query without one of its conditions. */
export function without(query: string, part: string): string {
  return conditions(query)
    .filter((other) => other !== part)
    .join(' and ');
}

function grouped(part: string): string {
  return outerWords(part).some((word) => word.text === 'or') ? `(${part})` : part;
}

/** Gives the words outside of quotes and parentheses, in lower case. */
function outerWords(query: string): { text: string; at: number }[] {
  const words: { text: string; at: number }[] = [];
  let depth = 0;
  let at = 0;
  while (at < query.length) {
    const character = query[at] ?? '';
    if (character === '"') at = quoteEnd(query, at);
    else if (character === '\\') at += 2;
    else if (character === '(' || character === ')') {
      depth = Math.max(0, depth + (character === '(' ? 1 : -1));
      at += 1;
    } else if (/\s/.test(character)) at += 1;
    else {
      const word = /^[^\s()"\\]+/.exec(query.slice(at))?.[0] ?? character;
      if (depth === 0) words.push({ text: word.toLowerCase(), at });
      at += word.length;
    }
  }
  return words;
}

function quoteEnd(query: string, start: number): number {
  let at = start + 1;
  while (at < query.length && query[at] !== '"') at += query[at] === '\\' ? 2 : 1;
  return at + 1;
}
