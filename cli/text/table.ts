import { escapeControls } from '../../shared/text/terminal/escape-controls.ts';
import { displayWidth, pad, truncate } from '../../shared/text/terminal/terminal-text.ts';

/** A cell of a table: its text, which is escaped, and how it is coloured. */
type Cell = string | { readonly text: string; readonly paint: (text: string) => string };

/** Between two columns. */
const GAP = '  ';
/** No column becomes narrower than this, to fit. */
const LEAST_WIDTH = 6;

interface Fit {
  /** Columns of the terminal; undefined: any number. */
  readonly columns?: number | undefined;
  /** The places of columns that are never cut. */
  readonly whole?: readonly number[];
}

/**
 * Rows as text, in columns that are as wide as their widest cell. The last column is not filled with spaces. If the terminal
 * is too narrow, the last columns are cut, then those before them.
 */
export function tableText(rows: readonly (readonly Cell[])[], fit: Fit = {}): string {
  const cells = rows.map((row) => row.map(escapedCell));
  const columns = Math.max(0, ...cells.map((row) => row.length));
  const widths = fitted(
    Array.from({ length: columns }, (_, column) =>
      Math.max(...cells.map((row) => displayWidth(row[column]?.text ?? ''))),
    ),
    fit,
  );
  return cells
    .map((row) =>
      row
        .map(({ text, paint }, column) => {
          const cut = truncate(text, widths[column] ?? 0);
          return paint(column === columns - 1 ? cut : pad(cut, widths[column] ?? 0));
        })
        .join(GAP)
        .trimEnd(),
    )
    .join('\n');
}

/** The widths of columns, made narrower from the last one on until they fit. */
function fitted(
  widths: readonly number[],
  { columns = Number.POSITIVE_INFINITY, whole = [] }: Fit,
): number[] {
  const narrowed = [...widths];
  const gaps = GAP.length * Math.max(0, widths.length - 1);
  let excess = widths.reduce((sum, width) => sum + width, gaps) - columns;
  for (let place = narrowed.length - 1; place >= 0 && excess > 0; place--) {
    const width = narrowed[place] ?? 0;
    if (whole.includes(place) || width <= LEAST_WIDTH) continue;
    const cut = Math.min(excess, width - LEAST_WIDTH);
    narrowed[place] = width - cut;
    excess -= cut;
  }
  return narrowed;
}

function escapedCell(cell: Cell) {
  const { text, paint } = typeof cell === 'string' ? { text: cell, paint: unpainted } : cell;
  return { text: escapeControls(text), paint };
}

const unpainted = (text: string): string => text;
