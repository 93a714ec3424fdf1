import { DatabaseSync } from 'node:sqlite';

type Row = Record<string, string | number | null | ArrayBuffer>;

/** SQLite in memory, with the one method of a Durable Object's storage that our tables use. */
export function openSql(): {
  exec: <T extends Row>(query: string, ...bindings: readonly unknown[]) => T[];
} {
  const database = new DatabaseSync(':memory:');
  return {
    exec: <T extends Row>(query: string, ...bindings: readonly unknown[]): T[] => {
      // A Durable Object runs several statements at once if nothing is bound.
      if (bindings.length === 0 && !/^\s*select/i.test(query)) {
        database.exec(query);
        return [];
      }
      const rows = database.prepare(query).all(...(bindings as (string | number | null | Uint8Array)[]));
      return rows.map((row) => ({ ...row }) as T);
    },
  };
}
