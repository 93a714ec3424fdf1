import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import { type Circumstances, circumstancesText } from './circumstances.ts';
import { JsonFile } from './json.ts';
import { tableSvg } from './svg.ts';
import type { Table } from './table.ts';
import { tableText } from './terminal.ts';

interface ReportOptions {
  /** A file of JSON that the tables are added to. */
  readonly json?: string | undefined;
  /** A folder for a picture of each table. */
  readonly svg?: string | undefined;
  readonly circumstances: Circumstances;
  readonly write: (text: string) => void;
}

/** Where the tables of a run go. */
export class Report {
  readonly #options: ReportOptions;
  readonly #json: JsonFile | undefined;
  #count = 0;
  #hasFailures = false;

  /** @throws ThroughlineError `config-invalid` if the file or the folder cannot be used */
  constructor(options: ReportOptions) {
    this.#options = options;
    this.#json = options.json === undefined ? undefined : JsonFile.open(options.json);
    if (options.svg !== undefined) makeFolder(options.svg);
  }

  /** How many tables it got. */
  get count(): number {
    return this.#count;
  }

  /** Whether a round of one of them failed. */
  get hasFailures(): boolean {
    return this.#hasFailures;
  }

  add(table: Table): void {
    const { circumstances, svg, write } = this.#options;
    const at = new Date();
    write(`${tableText(table)}  ${circumstancesText(circumstances, at, table.sender)}\n`);
    this.#count++;
    this.#hasFailures ||= table.rows.some(({ failures = [] }) => failures.length > 0);
    this.#json?.add(table, circumstances, at);
    if (svg !== undefined) writeFileSync(path.join(svg, `${table.name}.svg`), tableSvg(table));
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw new ThroughlineError('config-invalid', `--svg ${folder}: ${describeThrown(cause)}`, { cause });
  }
}
