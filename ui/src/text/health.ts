// Whether rules could fire, in words.

import type { Rule, RuleHealth, RulesNews, RuleVerdict } from '../api/types';
import { counted, exact, rough } from './number';
import { age } from './time';

export type RuleState = RuleVerdict | 'broken';
export const RULE_STATES: RuleState[] = ['able', 'blind', 'silent', 'disabled', 'broken'];

export const STATE_WORDS: Record<RuleState, string> = {
  able: 'Able to fire',
  blind: 'Fields missing',
  silent: 'Source silent',
  disabled: 'Disabled',
  broken: 'Broken',
};

/** `T1110.001`, of the tags. */
export function technique(tags: string[]): string {
  const found = tags.map((tag) => /^attack\.(t\d{4}(?:\.\d{3})?)$/i.exec(tag)?.[1]).filter((one) => one !== undefined);
  return found.map((one) => one.toUpperCase()).join(' ');
}

/** What a rule's health means, one sentence after the other. */
export function healthInWords(health: RuleHealth, now: number): string {
  const parts: string[] = [];
  const ago = (time: string) => (age(time, now) === 'now' ? 'just now' : `${age(time, now)} ago`);
  const source = health.source_last
    ? `its log source came last ${ago(health.source_last)}, ${counted(health.source_per_hour, 'event')} an hour`
    : 'no event of its log source has come';
  const missing = health.missing.join(', ');
  if (health.verdict === 'able') parts.push(`It could fire: ${source}.`);
  else if (health.verdict === 'disabled') parts.push(`It is switched off; ${source}.`);
  else if (health.verdict === 'silent') parts.push(`It cannot fire: ${source}.`);
  else parts.push(`It cannot fire: ${source}, but ${missing ? `never with ${missing}` : 'its fields never came together in one event'}.`);
  if (missing && health.verdict !== 'blind') parts.push(`Never seen there: ${missing}.`);
  if (health.could) parts.push(`An event with all it needs came last ${ago(health.could)}.`);
  parts.push(health.fired ? `It fired ${counted(health.hits, 'time')}, last ${ago(health.fired)}.` : 'It has not fired.');
  parts.push(`It was evaluated ${rough(health.evaluations)} times, ${share(health.share)} of all evaluations.`);
  return parts.join(' ');
}

/** `3.2 %` */
export function share(part: number): string {
  const percent = part * 100;
  return percent > 0 && percent < 0.1 ? '<0.1 %' : `${exact(percent)} %`;
}

/** The rules were loaded again, in one sentence. */
export function reloadedInWords(news: RulesNews): string {
  const changes = [
    [news.added, 'added'],
    [news.changed, 'changed'],
    [news.removed, 'removed'],
  ].filter(([count]) => count !== 0);
  const what = changes.map(([count, word]) => `${count} ${word}`).join(', ') || 'nothing changed';
  const faults = news.faults > 0 ? `; ${counted(news.faults, 'fault')} set aside` : '';
  return `Rules loaded again: ${what}${faults}`;
}

/** What a filter looks for words in. */
export function textOf(rule: Rule, health: RuleHealth | undefined, state: RuleState): string {
  const parts = [rule.title, rule.level, rule.kind, rule.status, rule.path, rule.id, rule.logsource, rule.author ?? '', STATE_WORDS[state], state];
  return [...parts, ...rule.tags, ...(health?.missing ?? [])].join(' ').toLowerCase();
}
