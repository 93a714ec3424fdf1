import { readFile, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { spreadOf, type Table } from './table.ts';

const GIB = 1024 ** 3;

/** The machine, as the tables tell it. */
export function machineText(): string {
  const all = cpus();
  const memory = Math.round(totalmem() / GIB);
  return `${all.length} cores (${all[0]?.model.trim()}), ${memory} GiB, Node ${process.versions.node}`;
}

/** Adds a table to a file of JSON. It replaces the table of that name, and keeps the others: one table takes minutes. */
export async function addToJson(file: string, table: Table): Promise<void> {
  const known = await readFile(file, 'utf8').then(
    (text) => JSON.parse(text) as Readonly<Record<string, unknown>>,
    (): Readonly<Record<string, unknown>> => ({}),
  );
  const rows = table.rows.map((row) => ({
    ...row,
    figures: Object.fromEntries(table.columns.map((column) => [column.name, spreadOf(row, column)])),
  }));
  const measured = { ...table, rows, machine: machineText(), at: new Date().toISOString() };
  await writeFile(file, `${JSON.stringify({ ...known, [table.name]: measured }, undefined, 2)}\n`);
}
