import { SCHEDULE_LIMITS } from '../../shared/api/schedule.ts';
import type { Definition, JobRequest, Progress, RunRow, ScheduleRow, SmallRow } from './schedule-row.ts';

/** A request may hold a large input, so what a list reads and what changes at each run have tables of their own. */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS schedules (
    name TEXT PRIMARY KEY, tenant TEXT NOT NULL, version TEXT NOT NULL, created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL, terms TEXT NOT NULL, digest TEXT NOT NULL, maker TEXT NOT NULL, paused INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS requests (name TEXT PRIMARY KEY, request TEXT NOT NULL, spec TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS progress (
    name TEXT PRIMARY KEY, decided_at INTEGER NOT NULL, wake_at INTEGER, pending_at INTEGER, tries INTEGER NOT NULL,
    pending_code TEXT NOT NULL, last_job TEXT NOT NULL, input_check TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS by_wake ON progress (wake_at);
  CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, scheduled_for INTEGER NOT NULL, outcome TEXT NOT NULL,
    triggered INTEGER NOT NULL, job_id TEXT NOT NULL, reason TEXT NOT NULL, code TEXT NOT NULL, count INTEGER NOT NULL
  );
  CREATE INDEX IF NOT EXISTS by_schedule ON runs (name, id);`;

const DEFINITION_COLUMNS = [
  'name',
  'tenant',
  'version',
  'created_at',
  'updated_at',
  'terms',
  'digest',
  'maker',
  'paused',
] as const satisfies (keyof Definition)[];
const REQUEST_COLUMNS = ['request', 'spec'] as const satisfies (keyof JobRequest)[];
const PROGRESS_COLUMNS = [
  'decided_at',
  'wake_at',
  'pending_at',
  'tries',
  'pending_code',
  'last_job',
  'input_check',
] as const satisfies (keyof Progress)[];
const RUN_COLUMNS = [
  'scheduled_for',
  'outcome',
  'triggered',
  'job_id',
  'reason',
  'code',
  'count',
] as const satisfies (keyof RunRow)[];

const SMALL_ROWS = 'SELECT * FROM schedules JOIN progress USING (name)';

/**
 * The schedules of a tenant and their last runs, in SQLite. The platform stores all writes between two `await`s, or none of them.
 */
export class ScheduleTable {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.#sql.exec(SCHEMA);
  }

  /** A schedule; undefined if there is none with this name. */
  read(name: string): ScheduleRow | undefined {
    return this.#sql
      .exec<ScheduleRow>(`${SMALL_ROWS} JOIN requests USING (name) WHERE name = ?`, name)
      .toArray()[0];
  }

  /** The schedules with names after `after`, by name. */
  page(after: string, limit: number): SmallRow[] {
    return this.#sql
      .exec<SmallRow>(`${SMALL_ROWS} WHERE name > ? ORDER BY name LIMIT ?`, after, limit)
      .toArray();
  }

  /** How many schedules there are. */
  count(): number {
    return this.#sql.exec<{ count: number }>('SELECT count(*) AS count FROM schedules').one().count;
  }

  /** Writes a schedule that is new or was changed. */
  put(row: ScheduleRow): void {
    this.#insert('schedules', DEFINITION_COLUMNS, row);
    this.#insert('requests', ['name', ...REQUEST_COLUMNS], row);
    this.#insert('progress', ['name', ...PROGRESS_COLUMNS], row);
  }

  /** Removes a schedule with its runs. @returns whether there was one */
  remove(name: string): boolean {
    const { rowsWritten } = this.#sql.exec('DELETE FROM schedules WHERE name = ?', name);
    for (const table of ['requests', 'progress', 'runs'])
      this.#sql.exec(`DELETE FROM ${table} WHERE name = ?`, name);
    return rowsWritten > 0;
  }

  /** The names of schedules that have something to do, the longest due first. */
  due(now: number, limit: number): string[] {
    return this.#sql
      .exec<{ name: string }>(
        'SELECT name FROM progress WHERE wake_at <= ? ORDER BY wake_at LIMIT ?',
        now,
        limit,
      )
      .toArray()
      .map(({ name }) => name);
  }

  /** When the next schedule has something to do; undefined: none ever has. */
  nextWake(): number | undefined {
    const { at } = this.#sql.exec<{ at: number | null }>('SELECT min(wake_at) AS at FROM progress').one();
    return at ?? undefined;
  }

  /** The version of a schedule; undefined when there is none. */
  versionOf(name: string): string | undefined {
    const versions = this.#sql.exec<{ version: string }>(
      'SELECT version FROM schedules WHERE name = ?',
      name,
    );
    return versions.toArray()[0]?.version;
  }

  /** The id of the job of the last run; empty when there is none. */
  lastJob(name: string): string {
    const jobs = this.#sql.exec<{ last_job: string }>('SELECT last_job FROM progress WHERE name = ?', name);
    return jobs.toArray()[0]?.last_job ?? '';
  }

  /** Changes the progress of a schedule. */
  advance(name: string, changes: Partial<Progress>): void {
    const columns = PROGRESS_COLUMNS.filter((column) => changes[column] !== undefined);
    if (columns.length === 0) return;
    this.#sql.exec(
      `UPDATE progress SET ${columns.map((column) => `${column} = ?`).join(', ')} WHERE name = ?`,
      ...columns.map((column) => changes[column]),
      name,
    );
  }

  /** The last runs of a schedule, newest first. */
  lastRuns(name: string, limit: number = SCHEDULE_LIMITS.shownLastRuns): RunRow[] {
    return this.#sql
      .exec<RunRow>('SELECT * FROM runs WHERE name = ? ORDER BY id DESC LIMIT ?', name, limit)
      .toArray();
  }

  /** Records what became of a run. Runs in a row that were skipped for one reason are one row. */
  addRun(name: string, run: RunRow): void {
    const [last] = this.lastRuns(name, 1);
    const isMore = run.outcome === 'skipped' && last?.outcome === 'skipped' && last.reason === run.reason;
    if (isMore)
      this.#sql.exec(
        'UPDATE runs SET scheduled_for = ?, count = ? WHERE id = (SELECT max(id) FROM runs WHERE name = ?)',
        run.scheduled_for,
        last.count + run.count,
        name,
      );
    else this.#insert('runs', ['name', ...RUN_COLUMNS], { name, ...run });
    this.#sql.exec(
      'DELETE FROM runs WHERE name = ?1 AND id <= (SELECT id FROM runs WHERE name = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)',
      name,
      SCHEDULE_LIMITS.shownLastRuns,
    );
  }

  #insert<Row extends Record<string, SqlStorageValue>>(
    table: string,
    columns: readonly (keyof Row & string)[],
    row: Row,
  ): void {
    this.#sql.exec(
      `INSERT OR REPLACE INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
      ...columns.map((column) => row[column]),
    );
  }
}
