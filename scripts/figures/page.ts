import { type Circumstances, circumstancesText } from '../../bench/suite/circumstances.ts';
import { type Column, figureText, type Row, spreadOf, type Table } from '../../bench/suite/table.ts';

/** A table as `npm run bench -- --json` keeps it. */
export interface MeasuredTable extends Table, Circumstances {
  /** When it was measured (ISO 8601). */
  readonly at: string;
}

/** A place for a table in a page: its name, and whatever stands there now. */
const PLACE = /<!-- figures: ([\w-]+) -->\n[\s\S]*?<!-- end of figures -->/g;
const PICTURE = /figures\/([\w-]+)\.svg/g;

/**
 * Writes each measured table into its place in a page of Markdown, and leaves the rest of the page as it is.
 * @param tables by their names
 * @throws Error if the page has a place for a table that was not measured
 */
export function withFigures(page: string, tables: Readonly<Record<string, MeasuredTable>>): string {
  return page.replaceAll(PLACE, (_, name: string) => {
    const table = tables[name];
    if (table === undefined)
      throw new Error(`the page has a place for the table ${name}, which was not measured`);
    return `<!-- figures: ${name} -->\n\n${tableOf(table)}\n\n${originOf(table)}\n\n<!-- end of figures -->`;
  });
}

/** The names of the tables that a page has a place for. */
export function tablesIn(page: string): string[] {
  return [...page.matchAll(PLACE)].map(([, name = '']) => name);
}

/** The names of the tables whose picture a page shows. */
export function picturesIn(page: string): Set<string> {
  return new Set([...page.matchAll(PICTURE)].map(([, name = '']) => name));
}

function tableOf({ columns, rows }: Table): string {
  const head = ['', ...columns.map(({ name, unit }) => (unit === '' ? name : `${name}, ${unit}`))];
  return [head, head.map(() => '---'), ...rows.map((row) => cellsOf(row, columns))].map(lineOf).join('\n');
}

function lineOf(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function cellsOf(row: Row, columns: readonly Column[]): string[] {
  const name = row.kind === 'ours' ? row.name : `*${row.name}*`;
  return [name, ...columns.map((column) => cellOf(row, column))];
}

/** The median, with the least and the most of the rounds. */
function cellOf(row: Row, column: Column): string {
  const spread = spreadOf(row, column);
  if (spread === undefined) return '-';
  const [median, least, most] = [spread.median, spread.least, spread.most].map((value) =>
    figureText(value, column),
  );
  return least === most ? `${median}` : `${median} (${least} to ${most})`;
}

/** What is said under a table, in small letters. */
function originOf(table: MeasuredTable): string {
  const circumstances = circumstancesText(table, new Date(table.at), table.sender);
  return [...table.notes, circumstances].map((sentence) => `<sub>${sentence}</sub>`).join('<br>\n');
}
