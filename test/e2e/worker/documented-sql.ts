import { readFile } from 'node:fs/promises';

/** The SQL that docs/GUARANTEES.md shows to authors: a table, and the statement that writes to it with a fence. */
export async function documentedSql(): Promise<{ table: string; write: string }> {
  const page = await readFile(new URL('../../../docs/GUARANTEES.md', import.meta.url), 'utf8');
  const blocks = [...page.matchAll(/```sql\n(?<sql>.*?);\n```/gs)].map((match) => match.groups?.sql ?? '');
  const [table, write, ...others] = blocks;
  if (table === undefined || write === undefined || others.length > 0)
    throw new Error(`docs/GUARANTEES.md has ${blocks.length} blocks of SQL, not two`);
  return { table, write };
}
