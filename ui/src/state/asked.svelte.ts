// Several questions in SQL about one time range, each answered when it is.

import * as api from '../api/calls';
import type { SqlResult } from '../api/types';
import { Load } from './load.svelte';

/** How many rows a list of a page has at most. */
const ROWS_MAX = 1_000;

export class Asked<Name extends string> {
  readonly answers: Record<Name, Load<SqlResult>>;
  readonly #question: (name: Name) => string;

  constructor(names: readonly Name[], question: (name: Name) => string) {
    this.answers = Object.fromEntries(names.map((name) => [name, new Load<SqlResult>()])) as Record<Name, Load<SqlResult>>;
    this.#question = question;
  }

  /** Asks every question again. */
  all(quiet?: true): void {
    for (const name of Object.keys(this.answers) as Name[]) this.one(name, quiet);
  }

  /** Asks one question again. */
  one(name: Name, quiet?: true): void {
    const sql = this.#question(name);
    void this.answers[name].run((signal) => api.sql({ sql, limit: ROWS_MAX }, { signal, ...(quiet ? { quiet } : {}) }));
  }
}
