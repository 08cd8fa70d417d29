// One export: the whole answer as a file, with what came so far, until it is done or given up.

import { exportFate } from '../api/calls';
import { asProblem, download, type Problem } from '../api/client';
import type { ExportFormat } from '../api/types';

const ENDINGS: Record<ExportFormat, string> = { spreadsheet: 'csv', csv: 'csv', json: 'ndjson', parquet: 'parquet' };
/** The browser has taken the file over by then. */
const KEEP_MS = 60_000;

export class Export {
  running = $state(false);
  bytes = $state(0);
  problem = $state.raw<Problem | null>(null);
  /** What the file lacks. */
  warnings = $state.raw<string[]>([]);
  #open: AbortController | undefined;

  /** Asks for the file and hands it to the browser; tells whether it came whole. */
  async run(path: string, body: object, format: ExportFormat, name: string): Promise<boolean> {
    this.cancel();
    const open = new AbortController();
    this.#open = open;
    this.running = true;
    this.bytes = 0;
    this.problem = null;
    this.warnings = [];
    try {
      const { file, name: told } = await download(path, { ...body, format }, open.signal, (bytes) => (this.bytes = bytes));
      save(file, `bartizan-${name}-${stamp()}.${ENDINGS[format]}`);
      // The file is here whatever the server answers now.
      const fate = told === null ? null : await exportFate(told).catch(() => null);
      this.warnings = fate?.warnings ?? [];
      return true;
    } catch (error) {
      const problem = asProblem(error);
      if (problem.code !== 'aborted') this.problem = problem;
      return false;
    } finally {
      if (this.#open === open) this.running = false;
    }
  }

  /** Gives it up; the server ends the query. */
  cancel(): void {
    this.#open?.abort();
    this.#open = undefined;
    this.running = false;
  }
}

function stamp(): string {
  return new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, '');
}

function save(file: Blob, name: string): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), KEEP_MS);
}
