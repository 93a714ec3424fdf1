import type { JobPage } from '../../shared/api/answers/job-list.ts';
import { addUsage, type Usage } from '../../shared/api/usage.ts';
import { TOP, writeCursor } from '../calls/cursors.ts';
import type { PageQuery } from '../calls/index-commands.ts';
import { afterEvent, afterReport } from './entry-merge.ts';
import { HeldReports, REPORTS_SCHEMA } from './held-reports.ts';
import {
  dayOf,
  type EntryKey,
  type IndexChange,
  type IndexEntry,
  keyOf,
  summaryOf,
  UNREADABLE_CODE,
} from './index-entry.ts';
import { COLUMNS, DELETE_EXPIRED, FIND, FORGET, isSame, JOBS_SCHEMA, PUT, ROWS_AT_ONCE } from './job-rows.ts';
import { LIST_SCHEMA, PAGE, statesOf } from './list-statements.ts';
import { addStored, readStored, STORED_SCHEMA, type StoredPart, storedDeadLetter } from './stored-table.ts';
import { type FoundRows, readTagged, TAG_SCHEMA } from './tag-table.ts';
import { UnreportedJobs } from './unreported-jobs.ts';
import { readUsage, USAGE_SCHEMA, UsageSum } from './usage-table.ts';

/** Writing costs more than reading. So there is one index for all lists, and changes that can be added up are written once. */
const SCHEMA = `
  ${JOBS_SCHEMA}
  CREATE TABLE IF NOT EXISTS place (
    one INTEGER PRIMARY KEY CHECK (one = 1), source TEXT NOT NULL, sequence INTEGER NOT NULL, owner TEXT NOT NULL
  );
  INSERT OR IGNORE INTO place VALUES (1, '', 0, '');
  ${LIST_SCHEMA}
  ${USAGE_SCHEMA}
  ${STORED_SCHEMA}
  ${TAG_SCHEMA}
  ${REPORTS_SCHEMA}`;

/** The most jobs that are held. */
const MAX_HELD = 2_000;

const BEFORE_ALL: EntryKey = { tenant: '', id: '' };
/** No name of a tenant has such a letter. */
const BEHIND_ALL: EntryKey = { tenant: '\uffff', id: '' };

type Merge = (next: IndexEntry, known: IndexEntry | undefined) => IndexEntry;

interface Written {
  readonly entry: IndexEntry;
  /** Whether nothing was known of the job before. */
  readonly isNew: boolean;
}

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
  readonly #held: HeldReports;
  readonly #unreported = new UnreportedJobs();
  /** The last job that {@link deleteExpired} has checked. */
  #swept: EntryKey = BEFORE_ALL;
  /** The first day of which something is stored. */
  #storedFrom = 0;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#sql.exec(SCHEMA);
    this.#held = new HeldReports(this.#sql);
    this.#held.restore((entries) => this.#known(entries));
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

  /** What the jobs of a tenant take, without the unfinished ones that their bridge still counts. @param now epoch milliseconds */
  usage(tenant: string, now = Date.now()): Usage {
    const { jobs, ...more } = addUsage(readUsage(this.#sql, tenant), this.#held.usage(tenant));
    return {
      ...more,
      jobs: Math.max(0, jobs - this.#unreported.count(tenant, now)),
      storedBytes: readStored(this.#sql, tenant),
    };
  }

  /** Notes that nothing is stored any more of the days before this one, see {@link dayOf}. */
  forgetStored(day: number): void {
    if (day === this.#storedFrom) return;
    this.#storedFrom = day;
    this.#sql.exec('DELETE FROM stored WHERE day < ?', day);
  }

  /** Takes a report of accepted jobs: all of them, or none. A job that has no event yet is held. */
  accept(entries: readonly IndexEntry[]): void {
    this.#storage.transactionSync(() => {
      const known = this.#known(entries);
      const isListed = (entry: IndexEntry): boolean => known.size > 0 && known.has(keyOf(entry));
      this.#put(entries.filter(isListed), afterReport);
      this.#held.add(entries.filter((entry) => !isListed(entry)));
    });
    for (const entry of entries) this.#unreported.delete(keyOf(entry));
    if (this.#held.size > MAX_HELD) this.flush();
  }

  /** Writes jobs that are held. @param tenant those of this tenant; undefined: all */
  flush(tenant?: string): void {
    const entries = this.#held.all(tenant);
    if (entries.length === 0) return;
    this.#storage.transactionSync(() => this.#put(entries, afterReport));
    this.#held.release(entries.map(keyOf));
  }

  /**
   * Writes the entries of events together with the place that they reach, all or nothing. So no event is taken twice or
   * left out, also when the object is evicted.
   * @param stored what is stored of the events
   */
  follow(changes: readonly IndexChange[], place: Place, stored: readonly StoredPart[]): void {
    const written = this.#storage.transactionSync(() => {
      const put = this.#put(changes, afterEvent);
      addStored(this.#sql, stored);
      this.place = place;
      return put;
    });
    for (const { entry, isNew } of written) {
      if (entry.finished_at !== null) this.#unreported.delete(keyOf(entry));
      else if (isNew && entry.redrive_count === 0) this.#unreported.add(entry, Date.now());
    }
    this.#held.release(changes.map(keyOf));
  }

  /**
   * A page of a tenant's jobs, newest first. With tags it may be short, or empty, although another page follows.
   * @returns the page, and how many rows were read for it
   */
  page(query: PageQuery): Omit<JobPage, 'complete'> & { readonly rowsRead: number } {
    this.flush(query.tenant);
    const { entries, next, rowsRead } =
      query.tags.length > 0 ? readTagged(this.#sql, query) : this.#read(query);
    return {
      jobs: entries.map(summaryOf),
      ...(next === undefined ? {} : { cursor: writeCursor(next) }),
      rowsRead,
    };
  }

  #read({ tenant, operation, states, limit, after = TOP }: PageQuery): FoundRows {
    const rows = this.#sql.exec<IndexEntry>(
      PAGE,
      tenant,
      operation ?? '',
      statesOf(states),
      after.acceptedAt,
      after.id,
      limit + 1,
    );
    const entries = rows.toArray();
    const last = entries.length > limit ? entries[limit - 1] : undefined;
    return {
      entries: entries.slice(0, limit),
      next: last && { acceptedAt: last.accepted_at, id: last.id },
      rowsRead: rows.rowsRead,
    };
  }

  /**
   * Checks the next jobs, by tenant and id, and deletes those that have expired. After the last job, the next call begins again.
   * @param count how many jobs to check
   * @param now epoch milliseconds
   * @returns whether there are more
   */
  deleteExpired(count: number, now: number): boolean {
    const from = [this.#swept.tenant, this.#swept.id];
    const [last] = this.#sql.exec<EntryKey>(
      'SELECT tenant, id FROM jobs WHERE (tenant, id) > (?, ?) ORDER BY tenant, id LIMIT 1 OFFSET ?',
      ...from,
      count - 1,
    );
    const { tenant, id } = last ?? BEHIND_ALL;
    this.#delete(DELETE_EXPIRED, ...from, tenant, id, dayOf(now));
    this.#swept = last ?? BEFORE_ALL;
    return last !== undefined;
  }

  /** Deletes unfinished jobs of a tenant that NATS does not know any more. */
  forget(tenant: string, ids: readonly string[]): void {
    this.#delete(FORGET, tenant, JSON.stringify(ids));
  }

  #delete(statement: string, ...values: (string | number)[]): void {
    // A job that is deleted here must not be held when the object starts again.
    this.flush();
    this.#held.clear();
    this.#storage.transactionSync(() => {
      const usage = new UsageSum();
      for (const entry of this.#sql.exec<IndexEntry>(statement, ...values)) usage.add(entry, -1);
      usage.write(this.#sql);
    });
  }

  /**
   * Merges changes with what is known of their jobs. Writes each row that changes once, and the usage of tenants after that.
   * @returns what was written
   */
  #put(changes: readonly IndexChange[], merge: Merge): Written[] {
    const known = this.#known(changes);
    const changed = new Map<string, IndexEntry>();
    for (const change of changes) {
      const key = keyOf(change);
      const listed = changed.get(key) ?? known.get(key);
      const before = listed ?? this.#held.find(key);
      const merged = 'isUnreadable' in change ? marked(before) : merge(change, before);
      if (merged !== undefined && (listed === undefined || !isSame(merged, listed))) changed.set(key, merged);
    }
    const usage = new UsageSum();
    const stored: StoredPart[] = [];
    for (const [key, entry] of changed) {
      const before = known.get(key);
      if (before !== undefined) {
        usage.add(before, -1);
        stored.push(...storedDeadLetter(before, -1));
      }
      usage.add(entry, 1);
      stored.push(...storedDeadLetter(entry, 1));
    }
    usage.write(this.#sql);
    addStored(this.#sql, stored);
    const rows = [...changed.values()].map((entry) => COLUMNS.map((column) => entry[column]));
    for (let from = 0; from < rows.length; from += ROWS_AT_ONCE)
      this.#sql.exec(PUT, JSON.stringify(rows.slice(from, from + ROWS_AT_ONCE)));
    return [...changed].map(([key, entry]) => ({
      entry,
      isNew: !known.has(key) && this.#held.find(key) === undefined,
    }));
  }

  /** The rows of jobs. A statement costs more than a row of it, so there is one for all rows together. */
  #known(jobs: readonly EntryKey[]): Map<string, IndexEntry> {
    const keys = JSON.stringify(jobs.map(({ tenant, id }) => [tenant, id]));
    const rows = this.#sql.exec<IndexEntry>(FIND, keys).toArray();
    return new Map(rows.map((entry) => [keyOf(entry), entry]));
  }
}

/** The entry of a job after an event that cannot be read. A job that has ended stays as it is. */
function marked(entry: IndexEntry | undefined): IndexEntry | undefined {
  return entry === undefined || entry.finished_at !== null
    ? entry
    : { ...entry, error_code: UNREADABLE_CODE };
}
