import { DatabaseSync } from 'node:sqlite';

type Row = Record<string, SqlStorageValue>;
type Binding = string | number | null | Uint8Array;

/** SQLite in memory, with the one method of a Durable Object's storage that our tables use. Its cursor is an array. */
export function openSql(): Pick<SqlStorage, 'exec'> {
  const database = new DatabaseSync(':memory:');
  const exec = (query: string, ...bindings: readonly Binding[]) => {
    // A Durable Object runs several statements in one call if nothing is bound.
    if (bindings.length === 0 && !/^\s*select/i.test(query)) {
      database.exec(query);
      return cursorOf([]);
    }
    return cursorOf(database.prepare(query).all(...bindings) as Row[]);
  };
  return { exec } as unknown as Pick<SqlStorage, 'exec'>;
}

function cursorOf(rows: Row[]): Row[] & { toArray: () => Row[]; one: () => Row | undefined } {
  return Object.assign(rows, { toArray: () => rows, one: () => rows[0] });
}
