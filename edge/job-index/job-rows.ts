import type { IndexEntry } from './index-entry.ts';

/** The table of jobs. */
export const JOBS_SCHEMA = `CREATE TABLE IF NOT EXISTS jobs (
    tenant TEXT NOT NULL, id TEXT NOT NULL, operation TEXT NOT NULL, state TEXT NOT NULL,
    attempt INTEGER NOT NULL, max_attempts INTEGER NOT NULL, durability TEXT NOT NULL,
    unserved INTEGER NOT NULL, accepted_at INTEGER NOT NULL, due_at INTEGER, started_at INTEGER, finished_at INTEGER,
    error_code TEXT, trace_id TEXT NOT NULL, previous_trace_ids TEXT NOT NULL,
    redrive_count INTEGER NOT NULL, bytes INTEGER NOT NULL, tags TEXT NOT NULL, expires_on INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
  ) WITHOUT ROWID;`;

/**
 * Deletes the jobs of a range of keys that have expired. The values are the keys before the first one and of the last one, each a
 * tenant and an id, and the day.
 */
export const DELETE_EXPIRED =
  'DELETE FROM jobs WHERE (tenant, id) > (?, ?) AND (tenant, id) <= (?, ?) AND expires_on < ? RETURNING *';

/** Deletes unfinished jobs of a tenant: a JSON list of their ids. */
export const FORGET =
  'DELETE FROM jobs WHERE tenant = ? AND id IN (SELECT value FROM json_each(?)) AND finished_at IS NULL RETURNING *';

/** The rows of one statement. Together they are one text, which may have 2 MB. */
export const ROWS_AT_ONCE = 100;

export const COLUMNS = [
  'tenant',
  'id',
  'operation',
  'state',
  'attempt',
  'max_attempts',
  'durability',
  'unserved',
  'accepted_at',
  'due_at',
  'started_at',
  'finished_at',
  'error_code',
  'trace_id',
  'previous_trace_ids',
  'redrive_count',
  'bytes',
  'tags',
  'expires_on',
] as const satisfies (keyof IndexEntry)[];

/** The rows of these keys: a JSON list of `[tenant, id]`. */
export const FIND = `SELECT jobs.* FROM json_each(?) AS keys CROSS JOIN jobs
  ON jobs.tenant = json_extract(keys.value, '$[0]') AND jobs.id = json_extract(keys.value, '$[1]')`;

/**
 * Writes rows: a JSON list of the values of {@link COLUMNS}. SQLite writes the text of `value` again each time it is named, so it
 * is named once.
 */
export const PUT = `INSERT INTO jobs (${COLUMNS.join(', ')})
  WITH list (row) AS MATERIALIZED (SELECT value FROM json_each(?))
  SELECT ${COLUMNS.map((_, place) => `json_extract(row, '$[${place}]')`).join(', ')} FROM list WHERE true
  ON CONFLICT (tenant, id) DO UPDATE SET ${COLUMNS.slice(2)
    .map((column) => `${column} = excluded.${column}`)
    .join(', ')}`;

/** Whether two entries make the same row. */
export function isSame(entry: IndexEntry, known: IndexEntry): boolean {
  return COLUMNS.every((column) => entry[column] === known[column]);
}
