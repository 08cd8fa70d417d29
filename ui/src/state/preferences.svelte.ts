// What one person likes, kept by this browser.

import { keyboard } from './commands';

export type Theme = 'system' | 'dark' | 'light';
export type Density = 'compact' | 'comfortable';

interface Kept {
  theme: Theme;
  density: Density;
  folded: boolean;
  letters: boolean;
}

const NAME = 'bartizan';
const USUAL: Kept = { theme: 'system', density: 'compact', folded: false, letters: true };

class Preferences {
  #kept: Kept = $state({ ...USUAL, ...read() });

  get theme() {
    return this.#kept.theme;
  }
  get density() {
    return this.#kept.density;
  }
  get folded() {
    return this.#kept.folded;
  }
  get letters() {
    return this.#kept.letters;
  }
  /** The height of a row in pixels. */
  get row() {
    return this.#kept.density === 'compact' ? 28 : 36;
  }

  set(changes: Partial<Kept>): void {
    this.#kept = { ...this.#kept, ...changes };
    this.apply();
    try {
      localStorage.setItem(NAME, JSON.stringify(this.#kept));
    } catch {
      // A browser that keeps nothing still obeys for this visit.
    }
  }

  apply(): void {
    const root = document.documentElement;
    if (this.#kept.theme === 'system') delete root.dataset.theme;
    else root.dataset.theme = this.#kept.theme;
    root.dataset.density = this.#kept.density;
    keyboard.lettersOn = this.#kept.letters;
  }
}

function read(): Partial<Kept> {
  try {
    const kept = JSON.parse(localStorage.getItem(NAME) ?? '{}') as Record<string, unknown>;
    const found: Partial<Kept> = {};
    if (kept.theme === 'dark' || kept.theme === 'light') found.theme = kept.theme;
    if (kept.density === 'comfortable') found.density = kept.density;
    if (typeof kept.folded === 'boolean') found.folded = kept.folded;
    if (typeof kept.letters === 'boolean') found.letters = kept.letters;
    return found;
  } catch {
    return {};
  }
}

export const preferences = new Preferences();
