import { readFileSync, writeFileSync } from 'node:fs';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import type { Circumstances } from './circumstances.ts';
import { notesOf, spreadOf, type Table } from './table.ts';

type Tables = Readonly<Record<string, unknown>>;

/** A file of JSON with the figures of tables, by their names. */
export class JsonFile {
  readonly #file: string;
  #tables: Tables;

  private constructor(file: string, tables: Tables) {
    this.#file = file;
    this.#tables = tables;
  }

  /**
   * Opens a file, or makes one, before anything is measured.
   * @throws ThroughlineError `config-invalid` if it cannot be read or written, or has something else in it
   */
  static open(file: string): JsonFile {
    try {
      const opened = new JsonFile(file, read(file));
      opened.#write();
      return opened;
    } catch (cause) {
      throw new ThroughlineError('config-invalid', `--json ${file}: ${describeThrown(cause)}`, { cause });
    }
  }

  /** Adds a table. It replaces the table of that name, and keeps the others: one table takes minutes. */
  add(table: Table, circumstances: Circumstances, at: Date): void {
    const rows = table.rows.map((row) => ({
      ...row,
      figures: Object.fromEntries(table.columns.map((column) => [column.name, spreadOf(row, column)])),
    }));
    const measured = { ...table, rows, notes: notesOf(table), ...circumstances, at: at.toISOString() };
    this.#tables = { ...this.#tables, [table.name]: measured };
    this.#write();
  }

  #write(): void {
    writeFileSync(this.#file, `${JSON.stringify(this.#tables, undefined, 2)}\n`);
  }
}

function read(file: string): Tables {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw thrown;
  }
  const tables: unknown = JSON.parse(text);
  if (typeof tables !== 'object' || tables === null || Array.isArray(tables))
    throw new Error('the file has no JSON object in it');
  return tables as Tables;
}
