import type { Usage } from '../../shared/api/usage.ts';
import { afterReport } from './entry-merge.ts';
import { type IndexEntry, keyOf } from './index-entry.ts';
import { UsageSum } from './usage-table.ts';

/** All jobs of one report are one row. A row is used again when the jobs of its report are in the table. */
export const REPORTS_SCHEMA = `
  CREATE TABLE IF NOT EXISTS reports (slot INTEGER PRIMARY KEY, entries TEXT NOT NULL);`;

/** The row of a report, and how many of its jobs are held. */
interface Report {
  readonly slot: number;
  held: number;
}

interface Held {
  readonly entry: IndexEntry;
  readonly report: Report;
}

/**
 * Accepted jobs that are not in the table yet. Most jobs end within a moment, and are written into the table once, with their end.
 * Until then a job is in memory, and in one row with all other jobs of its report, so that it is not lost when the object is evicted.
 */
export class HeldReports {
  readonly #sql: SqlStorage;
  readonly #jobs = new Map<string, Held>();
  readonly #usage = new UsageSum();
  readonly #free: number[] = [];
  #slots = 0;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** How many jobs are held. */
  get size(): number {
    return this.#jobs.size;
  }

  /** The entry of a job that is held; undefined if it is not. @param key see {@link keyOf} */
  find(key: string): IndexEntry | undefined {
    return this.#jobs.get(key)?.entry;
  }

  /** The held jobs, of one tenant or of all. */
  all(tenant?: string): IndexEntry[] {
    const entries = [...this.#jobs.values()].map(({ entry }) => entry);
    return tenant === undefined ? entries : entries.filter((entry) => entry.tenant === tenant);
  }

  /** What the held jobs of a tenant take. */
  usage(tenant: string): Usage {
    return this.#usage.of(tenant);
  }

  /** Holds the jobs of a report. The table must not have them. */
  add(entries: readonly IndexEntry[]): void {
    if (entries.length === 0) return;
    const slot = this.#free.pop() ?? ++this.#slots;
    // The row of an earlier report of these jobs may be used again from now on.
    const merged = this.#merged(entries);
    this.#sql.exec('INSERT OR REPLACE INTO reports VALUES (?, ?)', slot, JSON.stringify(merged));
    this.#hold(merged, { slot, held: 0 });
  }

  /** Holds the jobs that were held when the object was evicted. @param listed which of some jobs the table has, by their keys */
  restore(listed: (entries: readonly IndexEntry[]) => ReadonlyMap<string, IndexEntry>): void {
    for (const row of this.#sql.exec<{ slot: number; entries: string }>('SELECT * FROM reports').toArray()) {
      const reported = JSON.parse(row.entries) as IndexEntry[];
      const known = listed(reported);
      const entries = reported.filter((entry) => !known.has(keyOf(entry)));
      this.#slots = Math.max(this.#slots, row.slot);
      if (entries.length === 0) this.#free.push(row.slot);
      else this.#hold(this.#merged(entries), { slot: row.slot, held: 0 });
    }
  }

  /** Lets go of jobs that are in the table now. */
  release(keys: Iterable<string>): void {
    for (const key of keys) {
      const held = this.#jobs.get(key);
      if (held === undefined) continue;
      this.#jobs.delete(key);
      this.#usage.add(held.entry, -1);
      if (--held.report.held === 0) this.#free.push(held.report.slot);
    }
  }

  /** Deletes the rows, if no job is held. */
  clear(): void {
    if (this.size > 0 || this.#slots === 0) return;
    this.#sql.exec('DELETE FROM reports');
    this.#free.length = 0;
    this.#slots = 0;
  }

  /** The entries of these jobs together with what is held of them. */
  #merged(entries: readonly IndexEntry[]): IndexEntry[] {
    const merged = new Map<string, IndexEntry>();
    for (const next of entries) {
      const key = keyOf(next);
      merged.set(key, afterReport(next, merged.get(key) ?? this.find(key)));
    }
    return [...merged.values()];
  }

  #hold(entries: readonly IndexEntry[], report: Report): void {
    report.held = entries.length;
    this.release(entries.map(keyOf));
    for (const entry of entries) {
      this.#jobs.set(keyOf(entry), { entry, report });
      this.#usage.add(entry, 1);
    }
  }
}
