import { ENTRY_COLUMNS, type EntryRow, type OutboxState } from './outbox-entry.ts';
import { type OutboxLimits, OutboxRoom, outboxFull } from './outbox-room.ts';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS outbox (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    job_id TEXT NOT NULL,
    state TEXT NOT NULL,
    job TEXT NOT NULL,
    body BLOB NOT NULL,
    size INTEGER NOT NULL,
    added_at INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    cancelled_at TEXT,
    reason TEXT,
    check_at INTEGER,
    checks INTEGER NOT NULL DEFAULT 0
  );
  CREATE UNIQUE INDEX IF NOT EXISTS outbox_job ON outbox (tenant, job_id);
  CREATE INDEX IF NOT EXISTS outbox_queue ON outbox (state, position);
  CREATE INDEX IF NOT EXISTS outbox_check ON outbox (check_at) WHERE check_at IS NOT NULL;
`;

/** A row to add. */
interface NewRow {
  readonly tenant: string;
  readonly id: string;
  readonly state: OutboxState;
  /** The job as JSON. */
  readonly job: string;
  readonly body: Uint8Array;
  readonly tries: number;
  readonly checkAt: number | null;
}

/**
 * The rows of the outbox in SQLite, and the room that they take. A row is found by its `job_id`: the id of its job, or an id of its
 * own once the job was rejected. At `check_at` the alarm must look at the row.
 */
export class OutboxRows {
  readonly #sql: Pick<SqlStorage, 'exec'>;
  readonly room: OutboxRoom;

  constructor(sql: Pick<SqlStorage, 'exec'>, limits: OutboxLimits) {
    this.#sql = sql;
    this.room = new OutboxRoom(limits);
    sql.exec(SCHEMA);
    this.#count();
  }

  /** Adds a row. @throws ThroughlineError `outbox-full` if the disk is full */
  insert({ tenant, id, state, job, body, tries, checkAt }: NewRow): void {
    const size = job.length + body.length;
    try {
      this.#sql.exec(
        `INSERT INTO outbox (tenant, job_id, state, job, body, size, added_at, tries, check_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        tenant,
        id,
        state,
        job,
        body,
        size,
        Date.now(),
        tries,
        checkAt,
      );
    } catch (cause) {
      throw outboxFull(cause);
    }
    this.room.add(tenant, state, 1, size);
  }

  /** Reads rows. @param condition what follows `WHERE` in SQL, with a `?` for each of `bindings` */
  select(condition: string, ...bindings: readonly (string | number)[]): EntryRow[] {
    return [
      ...this.#sql.exec<EntryRow>(`SELECT ${ENTRY_COLUMNS} FROM outbox WHERE ${condition}`, ...bindings),
    ];
  }

  /** When the alarm must next look at a row, in epoch milliseconds; undefined if there is no such row. */
  get nextCheck(): number | undefined {
    const [row] = this.#sql.exec<{ at: number | null }>(
      'SELECT min(check_at) AS at FROM outbox WHERE check_at IS NOT NULL',
    );
    return row?.at ?? undefined;
  }

  /** When the first pending row was added, in epoch milliseconds; undefined if no row is pending. */
  get firstAddedAt(): number | undefined {
    const [row] = this.#sql.exec<{ added_at: number }>(
      `SELECT added_at FROM outbox WHERE state = 'pending' ORDER BY position LIMIT 1`,
    );
    return row?.added_at;
  }

  /** Counts a try for each pending row up to a position. */
  countTries(lastPosition: number): void {
    this.#sql.exec(
      `UPDATE outbox SET tries = tries + 1 WHERE state = 'pending' AND position <= ?`,
      lastPosition,
    );
  }

  /** Changes a row, if it is still there. */
  update(
    position: number,
    fields: Readonly<Record<string, string | number | null>> & { readonly state?: OutboxState },
  ): void {
    const [row] = this.#sql.exec<{ state: OutboxState }>(
      'SELECT state FROM outbox WHERE position = ?',
      position,
    );
    if (row === undefined) return;
    const names = Object.keys(fields).map((name) => `${name} = ?`);
    this.#sql.exec(
      `UPDATE outbox SET ${names.join(', ')} WHERE position = ?`,
      ...Object.values(fields),
      position,
    );
    if (fields.state !== undefined) this.room.move(row.state, fields.state);
  }

  /** Removes a row, if it is still there. */
  remove(position: number): void {
    const [row] = this.#sql.exec<{ tenant: string; state: OutboxState; size: number }>(
      'DELETE FROM outbox WHERE position = ? RETURNING tenant, state, size',
      position,
    );
    if (row !== undefined) this.room.add(row.tenant, row.state, -1, -row.size);
  }

  #count(): void {
    const rows = this.#sql.exec<{ tenant: string; state: OutboxState; rows: number; bytes: number }>(
      'SELECT tenant, state, count(*) AS rows, sum(size) AS bytes FROM outbox GROUP BY tenant, state',
    );
    for (const { tenant, state, rows: count, bytes } of rows) this.room.add(tenant, state, count, bytes);
  }
}
