// Enough of KQL to try the console: fields, phrases, and/or/not, parentheses, wildcards.

export class KqlError extends Error {
  constructor(message, column) {
    super(message);
    this.column = column;
  }
}

export function parse(text) {
  const tokens = [...text.matchAll(/"((?:\\.|[^"\\])*)"|(>=|<=|[()<>:])|([^\s()<>:"]+)/g)].map((match) => ({
    column: match.index + 1,
    text: match[3] ?? match[2] ?? match[1].replaceAll(/\\(.)/g, '$1'),
    kind: match[1] !== undefined ? 'phrase' : match[2] ? 'sign' : 'word',
  }));
  const open = text.replaceAll(/"(?:\\.|[^"\\])*"/g, (phrase) => ' '.repeat(phrase.length)).indexOf('"');
  if (open >= 0) throw new KqlError('the quote is not closed', open + 1);
  let at = 0;
  const peek = (word) => tokens[at]?.kind !== 'phrase' && tokens[at]?.text.toLowerCase() === word;
  const take = (word) => peek(word) && (at += 1);
  const end = () => tokens[at]?.column ?? text.length + 1;

  function either() {
    let test = both();
    while (take('or')) test = ((one, other) => (event) => one(event) || other(event))(test, both());
    return test;
  }
  function both() {
    let test = not();
    while (at < tokens.length && !peek('or') && !peek(')')) {
      take('and');
      test = ((one, other) => (event) => one(event) && other(event))(test, not());
    }
    return test;
  }
  function not() {
    if (take('not')) return ((test) => (event) => !test(event))(not());
    if (take('(')) {
      const test = either();
      if (!take(')')) throw new KqlError('expected `)`', end());
      return test;
    }
    return test();
  }
  function test() {
    const first = tokens[at];
    if (!first || first.kind === 'sign') throw new KqlError(first ? `unexpected \`${first.text}\`` : 'the query ends too early', end());
    at += 1;
    const sign = tokens[at]?.kind === 'sign' && tokens[at].text !== ')' && tokens[at].text !== '(' ? tokens[at++].text : null;
    if (!sign) return (event) => event.original.toLowerCase().includes(first.text.toLowerCase());
    if (sign !== ':') {
      const bound = Number(tokens[at++]?.text);
      const compare = { '>': (n) => n > bound, '<': (n) => n < bound, '>=': (n) => n >= bound, '<=': (n) => n <= bound }[sign];
      return (event) => event.fields[first.text] !== undefined && compare(Number(event.fields[first.text]));
    }
    if (take('(')) {
      const tests = [];
      while (!take(')')) if (!take('or')) tests.push(value(first.text));
      return (event) => tests.some((one) => one(event));
    }
    return value(first.text);
  }
  function value(field) {
    const wanted = tokens[at];
    if (!wanted || wanted.kind === 'sign') throw new KqlError(`expected a value for \`${field}\``, end());
    at += 1;
    if (wanted.kind === 'word' && wanted.text === '*') return (event) => event.fields[field] !== undefined;
    const pattern = wanted.text.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', wanted.kind === 'word' ? '.*' : '\\*');
    const regex = new RegExp(`^${pattern}$`, 'i');
    return (event) => [event.fields[field]].flat().some((one) => one !== undefined && regex.test(String(one)));
  }

  if (tokens.length === 0) return () => true;
  const whole = either();
  if (at < tokens.length) throw new KqlError(`unexpected \`${tokens[at].text}\``, end());
  return whole;
}
