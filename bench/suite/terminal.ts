import { type Column, figureText, notesOf, type Row, spreadOf, type Table } from './table.ts';

const MARKS = { ours: ' ', limit: '=', peer: '~' } as const;

/** A table for a terminal: medians, and the least and the most in brackets. `=` marks a limit, `~` another project. */
export function tableText(table: Table): string {
  const { title, columns, rows } = table;
  const head = ['', ...columns.map(({ name, unit }) => (unit === '' ? name : `${name}, ${unit}`))];
  const lines = [head, ...rows.map((row) => [`${MARKS[row.kind]} ${row.name}`, ...cellsOf(row, columns)])];
  const widths = head.map((_, n) => Math.max(...lines.map((line) => line[n]?.length ?? 0)));
  const pad = (cell: string, n: number): string =>
    n === 0 ? cell.padEnd(widths[n] ?? 0) : cell.padStart(widths[n] ?? 0);
  const body = lines.map((line) => line.map(pad).join('  '));
  return [`\n${title}`, ...body, ...notesOf(table).map((note) => `  ${note}`), ''].join('\n');
}

function cellsOf(row: Row, columns: readonly Column[]): string[] {
  return columns.map((column) => {
    const spread = spreadOf(row, column);
    if (spread === undefined) return '-';
    const text = (value: number): string => figureText(value, column);
    if (row.rounds.length === 1) return text(spread.median);
    return `${text(spread.median)} (${text(spread.least)}-${text(spread.most)})`;
  });
}
