import type { Table } from './table.ts';

/** How a part measures, and what takes its tables. */
export interface PartOptions {
  /** Each measurement is as small as it can be: it shows that the part works, and its figures say nothing. */
  readonly quick: boolean;
  readonly rounds: number;
  /** For the part that counts jobs: how many. */
  readonly jobs: number;
  /** Whether to measure the table with this name. */
  readonly wanted: (table: string) => boolean;
  /** Folders of other checkouts of this project, for the parts that can compare them. */
  readonly checkouts: readonly string[];
  /** Takes each table as soon as it is there. */
  readonly report: (table: Table) => Promise<void>;
}

/** A part of the suite, which can be run alone. */
export interface Part {
  readonly name: string;
  /** What it measures, as a phrase. */
  readonly what: string;
  /** The names of all its tables. With `quick` it may leave some out. */
  readonly tables: readonly string[];
  readonly run: (options: PartOptions) => Promise<void>;
}
