import type { JobPage } from '../../shared/api/job-list.ts';
import type { Usage } from '../../shared/api/usage.ts';
import type { JobState } from '../../shared/job/job.ts';
import { TOP, writeCursor } from '../calls/cursors.ts';
import type { PageQuery } from '../calls/index-commands.ts';
import { afterEvent, afterReport } from './entry-merge.ts';
import { dayOf, type IndexChange, type IndexEntry, summaryOf, UNREADABLE_CODE } from './index-entry.ts';
import { type FoundRows, readTagged, TAG_SCHEMA } from './tag-table.ts';
import { readUsage, USAGE_SCHEMA } from './usage-table.ts';

/**
 * One index for each kind of list, in the order of the list, so that a page reads only its own rows. Each index costs a
 * written row for each change of a job's state, so there are no more than needed.
 */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS jobs (
    tenant TEXT NOT NULL, id TEXT NOT NULL, operation TEXT NOT NULL, state TEXT NOT NULL,
    attempt INTEGER NOT NULL, max_attempts INTEGER NOT NULL, durability TEXT NOT NULL,
    unserved INTEGER NOT NULL, accepted_at INTEGER NOT NULL, due_at INTEGER, started_at INTEGER, finished_at INTEGER,
    error_code TEXT, trace_id TEXT NOT NULL, previous_trace_ids TEXT NOT NULL,
    redrive_count INTEGER NOT NULL, bytes INTEGER NOT NULL, tags TEXT NOT NULL, expires_on INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS by_time ON jobs (tenant, accepted_at, id);
  CREATE INDEX IF NOT EXISTS by_state ON jobs (tenant, state, accepted_at, id);
  CREATE INDEX IF NOT EXISTS by_operation ON jobs (tenant, operation, accepted_at, id);
  CREATE INDEX IF NOT EXISTS by_operation_and_state ON jobs (tenant, operation, state, accepted_at, id);
  CREATE INDEX IF NOT EXISTS by_expiry ON jobs (expires_on);
  CREATE TABLE IF NOT EXISTS place (
    one INTEGER PRIMARY KEY CHECK (one = 1), source TEXT NOT NULL, sequence INTEGER NOT NULL, owner TEXT NOT NULL
  );
  INSERT OR IGNORE INTO place VALUES (1, '', 0, '');
  ${USAGE_SCHEMA}
  ${TAG_SCHEMA}`;

/** How far the table has followed the events. */
export interface Place {
  /** The stream, and this index's share of it. */
  readonly source: string;
  /** The sequence of the last event that was read. */
  readonly sequence: number;
}

/** The jobs of an index, and how far it has followed the events, in SQLite. */
export class JobTable {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#sql.exec(SCHEMA);
  }

  /** The name of the object. The platform does not give it to an object that an alarm wakes, so the table keeps it. */
  owner(name: string | undefined): string {
    if (name !== undefined) this.#sql.exec('UPDATE place SET owner = ?1 WHERE owner <> ?1', name);
    return this.#sql.exec<{ owner: string }>('SELECT owner FROM place').one().owner;
  }

  get place(): Place {
    return this.#sql.exec<{ source: string; sequence: number }>('SELECT source, sequence FROM place').one();
  }

  set place({ source, sequence }: Place) {
    this.#sql.exec('UPDATE place SET source = ?, sequence = ?', source, sequence);
  }

  /** What the unfinished jobs of a tenant take. */
  usage(tenant: string): Usage {
    return readUsage(this.#sql, tenant);
  }

  /** Writes the entries of accepted jobs, all or none. */
  accept(entries: readonly IndexEntry[]): void {
    this.#storage.transactionSync(() => this.#putAll(entries, afterReport));
  }

  /**
   * Writes the entries of events together with the place that they reach, all or nothing. So no event is taken twice or
   * left out, also when the object is evicted.
   */
  follow(changes: readonly IndexChange[], place: Place): void {
    this.#storage.transactionSync(() => {
      const entries: IndexEntry[] = [];
      for (const change of collapsed(changes)) {
        if ('isUnreadable' in change)
          this.#sql.exec(MARK_UNREADABLE, UNREADABLE_CODE, change.tenant, change.id);
        else entries.push(change);
      }
      this.#putAll(entries, afterEvent);
      this.place = place;
    });
  }

  /**
   * A page of a tenant's jobs, newest first. With tags it may be short, or empty, although another page follows.
   * @returns the page, and how many rows were read for it
   */
  page(query: PageQuery): Omit<JobPage, 'complete'> & { readonly rowsRead: number } {
    const { entries, next, rowsRead } =
      query.tags.length > 0 ? readTagged(this.#sql, query) : this.#read(query);
    return {
      jobs: entries.map(summaryOf),
      ...(next === undefined ? {} : { cursor: writeCursor(next) }),
      rowsRead,
    };
  }

  /** Reads a page, with one statement for each state, so that each of them reads its own rows only. */
  #read({ states, limit, ...query }: PageQuery): FoundRows {
    const perState = states.length === 0 ? [undefined] : states;
    const reads = perState.map((state) => this.#readState({ ...query, state }, limit + 1));
    const entries = reads.flatMap((read) => read.entries).sort(newestFirst);
    const last = entries.length > limit ? entries[limit - 1] : undefined;
    return {
      entries: entries.slice(0, limit),
      next: last && { acceptedAt: last.accepted_at, id: last.id },
      rowsRead: reads.reduce((sum, read) => sum + read.rowsRead, 0),
    };
  }

  #readState(
    query: Pick<PageQuery, 'tenant' | 'after'> & PageFilter,
    limit: number,
  ): Pick<FoundRows, 'entries' | 'rowsRead'> {
    const { tenant, state, operation, after = TOP } = query;
    const cursor = this.#sql.exec<IndexEntry>(
      pageStatement(query),
      ...[tenant, operation, state].filter((value) => value !== undefined),
      ...[after.acceptedAt, after.id, limit],
    );
    return { entries: cursor.toArray(), rowsRead: cursor.rowsRead };
  }

  /** Deletes at most `max` expired jobs. @returns whether there may be more */
  deleteExpired(max: number, now: number): boolean {
    const expired = this.#sql
      .exec<Pick<IndexEntry, 'tenant' | 'id'>>(
        'SELECT tenant, id FROM jobs INDEXED BY by_expiry WHERE expires_on < ? LIMIT ?',
        ...[dayOf(now), max],
      )
      .toArray();
    for (const { tenant, id } of expired) {
      this.#sql.exec('DELETE FROM jobs WHERE tenant = ? AND id = ?', tenant, id);
    }
    return expired.length === max;
  }

  /** Brings entries together with the rows that are known, and writes the rows that change. */
  #putAll(entries: readonly IndexEntry[], merge: Merge): void {
    for (let from = 0; from < entries.length; from += ROWS_AT_ONCE)
      this.#putSome(entries.slice(from, from + ROWS_AT_ONCE), merge);
  }

  /** A statement costs more than a row of it, so there are two for all rows together. */
  #putSome(entries: readonly IndexEntry[], merge: Merge): void {
    const keys = JSON.stringify(entries.map(({ tenant, id }) => [tenant, id]));
    const known = new Map(
      this.#sql
        .exec<IndexEntry>(FIND, keys)
        .toArray()
        .map((entry) => [keyOf(entry), entry]),
    );
    const changed = new Map<string, IndexEntry>();
    for (const entry of entries) {
      const key = keyOf(entry);
      const before = changed.get(key) ?? known.get(key);
      const merged = merge(entry, before);
      if (before === undefined || !isSame(merged, before)) changed.set(key, merged);
    }
    if (changed.size === 0) return;
    const rows = [...changed.values()].map((entry) => COLUMNS.map((column) => entry[column]));
    this.#sql.exec(PUT, JSON.stringify(rows));
  }
}

type Merge = (next: IndexEntry, known: IndexEntry | undefined) => IndexEntry;

/** So many rows are in one statement. All of them together are one text, which may have 2 MB. */
const ROWS_AT_ONCE = 100;

function keyOf({ tenant, id }: Pick<IndexEntry, 'tenant' | 'id'>): string {
  return `${tenant}.${id}`;
}

function newestFirst(one: IndexEntry, other: IndexEntry): number {
  return other.accepted_at - one.accepted_at || (one.id < other.id ? 1 : -1);
}

/** What a statement for a page selects by. */
export interface PageFilter {
  readonly operation: string | undefined;
  readonly state: JobState | undefined;
}

/**
 * The statement for a page. With `INDEXED BY`, SQLite refuses a plan that would read more than the page. The place is
 * compared as a pair, which SQLite finds in the index.
 */
export function pageStatement({ operation, state }: PageFilter): string {
  const filters = [
    ...(operation === undefined ? [] : ['operation']),
    ...(state === undefined ? [] : ['state']),
  ];
  const index = filters.length === 0 ? 'by_time' : `by_${filters.join('_and_')}`;
  const where = ['tenant', ...filters].map((column) => `${column} = ?`).join(' AND ');
  return `SELECT * FROM jobs INDEXED BY ${index} WHERE ${where} AND (accepted_at, id) < (?, ?)
          ORDER BY accepted_at DESC, id DESC LIMIT ?`;
}

const COLUMNS = [
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
const FIND = `SELECT jobs.* FROM json_each(?) AS keys CROSS JOIN jobs
  ON jobs.tenant = json_extract(keys.value, '$[0]') AND jobs.id = json_extract(keys.value, '$[1]')`;

/**
 * Writes rows: a JSON list of the values of {@link COLUMNS}. The statement updates a row and does not replace it, so that only the
 * indexes of changed columns are written.
 */
const PUT = `INSERT INTO jobs (${COLUMNS.join(', ')})
  SELECT ${COLUMNS.map((_, place) => `json_extract(value, '$[${place}]')`).join(', ')} FROM json_each(?) WHERE true
  ON CONFLICT (tenant, id) DO UPDATE SET ${COLUMNS.slice(2)
    .map((column) => `${column} = excluded.${column}`)
    .join(', ')}`;

function isSame(entry: IndexEntry, known: IndexEntry): boolean {
  return COLUMNS.every((column) => entry[column] === known[column]);
}

const MARK_UNREADABLE = 'UPDATE jobs SET error_code = ? WHERE tenant = ? AND id = ? AND finished_at IS NULL';

/** The latest change of each job, so that a job with many events in one batch is written once. */
function collapsed(changes: readonly IndexChange[]): Iterable<IndexChange> {
  const latest = new Map<string, IndexChange>();
  for (const change of changes) {
    const key = keyOf(change);
    const known = latest.get(key);
    if ('isUnreadable' in change) latest.set(key, known === undefined ? change : marked(known));
    else latest.set(key, known === undefined || 'isUnreadable' in known ? change : afterEvent(change, known));
  }
  return latest.values();
}

/** The change after an event that cannot be read. A job that has ended stays as it is. */
function marked(change: IndexChange): IndexChange {
  if ('isUnreadable' in change || change.finished_at !== null) return change;
  return { ...change, error_code: UNREADABLE_CODE };
}
