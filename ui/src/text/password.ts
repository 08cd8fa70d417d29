// A hint at how long a password would withstand guessing; only the length is asked for by the server.

export const PASSWORD_CHARS_MIN = 10;

export type Strength = 'short' | 'weak' | 'fair' | 'strong';

const COMMON = ['password', 'passwort', 'qwerty', 'letmein', 'welcome', 'admin', 'bartizan', '123456', 'abcdef'];

/** Gives the strength of a password: its length counts, what is repeated or common does not. */
export function strengthOf(password: string, user: string): Strength {
  const length = [...password].length;
  if (length < PASSWORD_CHARS_MIN) return 'short';
  let rest = password.toLowerCase();
  for (const word of [...COMMON, user.toLowerCase()]) {
    if (word.length >= 3) rest = rest.replaceAll(word, '*');
  }
  rest = rest.replaceAll(/(.)\1+/gu, '$1');
  const distinct = new Set(rest).size;
  const worth = Math.min([...rest].length, distinct * 2);
  if (worth < 9) return 'weak';
  return worth < 16 ? 'fair' : 'strong';
}

export const STRENGTH_WORDS: Record<Strength, string> = {
  short: `At least ${PASSWORD_CHARS_MIN} characters`,
  weak: 'Weak: common or repeated characters',
  fair: 'Fair: longer is stronger',
  strong: 'Strong',
};
