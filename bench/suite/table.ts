/** A kind of figure. The columns of a table are printed in this order. */
export interface Column {
  readonly name: string;
  readonly unit: string;
  /** Digits after the point; default: none. */
  readonly digits?: number;
}

/** `limit`: what the same machine does without our work. `peer`: another project that does the same. */
export type Kind = 'ours' | 'limit' | 'peer';

/** What one round gave: a figure for each column, and as `failed` how many of its requests failed, if any did. */
export type Figures = Readonly<Record<string, number>>;

/** Something that was measured, with the figures of each round. */
export interface Row {
  readonly name: string;
  readonly kind: Kind;
  readonly rounds: readonly Figures[];
  /** Why rounds gave no figures, one sentence for each of them. */
  readonly failures?: readonly string[];
}

/** What was measured in one run, side by side. */
export interface Table {
  /** Names the files of the table: lowercase words with hyphens. */
  readonly name: string;
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
  /** Sentences for the reader: what was skipped, and what the figures do not say. */
  readonly notes: readonly string[];
  /** The name of the column that says most: its picture is drawn. Default: the first. */
  readonly picture?: string;
  /** The program that sent the requests, with its version. */
  readonly sender?: string;
}

/** The middle of the rounds, and the least and the most. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** @returns undefined if no round has a figure for this column */
export function spreadOf({ rounds }: Row, column: Column): Spread | undefined {
  const sorted = rounds
    .flatMap((figures) => figures[column.name] ?? [])
    .filter(Number.isFinite)
    .toSorted((a, b) => a - b);
  const [least, median, most] = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)];
  if (least === undefined || median === undefined || most === undefined) return undefined;
  return { median, least, most };
}

/** A figure as people read it, without its unit. */
export function figureText(value: number, { digits = 0 }: Column): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** What is said under a table: its notes, and what failed. */
export function notesOf({ notes, rows }: Table): string[] {
  return [...notes, ...rows.flatMap(failuresOf)];
}

function failuresOf({ name, rounds, failures = [] }: Row): string[] {
  const requests = rounds.reduce((sum, { failed = 0 }) => sum + failed, 0);
  const all = rounds.length + failures.length;
  return [
    ...(requests > 0 ? [`${name}: ${requests.toLocaleString('en-US')} requests failed.`] : []),
    ...(failures.length > 0
      ? [`${name}: ${failures.length} of ${all} rounds have no figures: ${failures[0]}`]
      : []),
  ];
}
