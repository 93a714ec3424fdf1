import { displayWidth, escapeControls, pad } from '../../shared/text/terminal-text.ts';
import type { Paint } from './terminal.ts';

const LABEL_WIDTH = 11;

/** A cell of a table: its text, which is escaped, and how it is coloured. */
type Cell = string | { readonly text: string; readonly paint: (text: string) => string };

/** Rows as text, in columns that are as wide as their widest cell. The last column is not filled with spaces. */
export function tableText(rows: readonly (readonly Cell[])[]): string {
  const cells = rows.map((row) => row.map(escapedCell));
  const columns = Math.max(0, ...cells.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    column === columns - 1 ? 0 : Math.max(...cells.map((row) => displayWidth(row[column]?.text ?? ''))),
  );
  return cells
    .map((row) =>
      row
        .map(({ text, paint }, column) =>
          paint(column === columns - 1 ? text : pad(text, widths[column] ?? 0)),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function escapedCell(cell: Cell) {
  const { text, paint } = typeof cell === 'string' ? { text: cell, paint: unpainted } : cell;
  return { text: escapeControls(text), paint };
}

const unpainted = (text: string): string => text;

/** What a thing is or has: a label and a text that is safe to print. Undefined: it has none. */
export type Fact = readonly [label: string, text: string | undefined];

/** One line for each fact. Facts without a text are left out. */
export function factsText(facts: readonly Fact[], paint: Paint): string {
  return facts
    .filter(([, text]) => text !== undefined)
    .map(([label, text]) => `${paint.dim(label.padEnd(LABEL_WIDTH))}${text}`)
    .join('\n');
}
