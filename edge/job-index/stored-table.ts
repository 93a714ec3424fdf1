import type { IndexEntry } from './index-entry.ts';

/** What NATS stores of the jobs of each tenant, by the day on which it was stored. A tenant has few rows, and a batch of events writes one of them. */
export const STORED_SCHEMA = `
  CREATE TABLE IF NOT EXISTS stored (
    tenant TEXT NOT NULL, day INTEGER NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (tenant, day)
  ) WITHOUT ROWID;`;

/** Adds up a JSON list of {@link StoredPart}. */
const ADD = `INSERT INTO stored
  SELECT value ->> 0, value ->> 1, sum(value ->> 2) FROM json_each(?) GROUP BY 1, 2
  ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes`;

/** About what `DEAD` stores of a dead letter besides the input: subject and headers. */
const ENVELOPE_BYTES = 1_024;
/** `DEAD` keeps a dead letter for 30 days, `EVENTS` its event for 7, and the list its job for 8: see {@link IndexEntry.expires_on}. */
const DEAD_DAYS = 30 - 7 - 8;

/** Bytes that were stored, or deleted: then they are negative. */
export type StoredPart = readonly [tenant: string, day: number, bytes: number];

/** What is stored of the dead letter of a job, if it has one. It counts as if it were an event that expires with it. */
export function storedDeadLetter(
  { tenant, state, expires_on, bytes }: IndexEntry,
  sign: 1 | -1,
): StoredPart[] {
  return state === 'failed' ? [[tenant, expires_on + DEAD_DAYS, sign * (bytes + ENVELOPE_BYTES)]] : [];
}

export function addStored(sql: SqlStorage, parts: readonly StoredPart[]): void {
  if (parts.length > 0) sql.exec(ADD, JSON.stringify(parts));
}

/** What is stored of the jobs of a tenant, in bytes. A redrive may take away a dead letter that was never counted, since it was there before this table. */
export function readStored(sql: SqlStorage, tenant: string): number {
  return sql
    .exec<{ bytes: number }>('SELECT total(max(bytes, 0)) AS bytes FROM stored WHERE tenant = ?', tenant)
    .one().bytes;
}
