import { dayOf, type IndexEntry } from './index-entry.ts';

/** What NATS stores of the jobs of each tenant, by the day on which it was stored. A tenant has few rows, and a batch of events writes one of them. */
export const STORED_SCHEMA = `
  CREATE TABLE IF NOT EXISTS stored (
    tenant TEXT NOT NULL, day INTEGER NOT NULL, bytes INTEGER NOT NULL, PRIMARY KEY (tenant, day)
  ) WITHOUT ROWID;`;

/** Adds up a JSON list of {@link StoredPart}. */
const ADD = `INSERT INTO stored
  SELECT value ->> 0, value ->> 1, sum(value ->> 2) FROM json_each(?) GROUP BY 1, 2
  ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes`;

/** About what a stream stores of an event besides its body: subject and headers. */
const ENVELOPE_BYTES = 1_024;
/** `DEAD` keeps a dead letter this much longer than `EVENTS` keeps an event. */
const DEAD_DAYS = 23;

/** Bytes that were stored, or deleted: then they are negative. */
export type StoredPart = readonly [tenant: string, day: number, bytes: number];

/** What is stored of an event. @param bodyBytes the size of its body; undefined if NATS does not say */
export function storedEvent(tenant: string, storedMs: number, bodyBytes: string | undefined): StoredPart {
  return [tenant, dayOf(storedMs), Number(bodyBytes ?? 0) + ENVELOPE_BYTES];
}

/** What is stored of the dead letter of a job, if it has one: the input. It counts as if it were an event that expires with it. */
export function storedDeadLetter(
  { tenant, state, finished_at, bytes }: IndexEntry,
  sign: 1 | -1,
): StoredPart[] {
  return state === 'failed' && bytes > 0 ? [[tenant, dayOf(finished_at ?? 0) + DEAD_DAYS, sign * bytes]] : [];
}

export function addStored(sql: SqlStorage, parts: readonly StoredPart[]): void {
  if (parts.length > 0) sql.exec(ADD, JSON.stringify(parts));
}

/** What is stored of the jobs of a tenant, in bytes. */
export function readStored(sql: SqlStorage, tenant: string): number {
  return sql
    .exec<{ bytes: number }>('SELECT coalesce(sum(bytes), 0) AS bytes FROM stored WHERE tenant = ?', tenant)
    .one().bytes;
}
