/** Rows of plain cells in columns as wide as their widest cell; the last column is not filled. */
export function padColumns(rows: readonly (readonly string[])[]): string[][] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row.map((cell, column) => (column === columns - 1 ? cell : cell.padEnd(widths[column] ?? 0))),
  );
}
