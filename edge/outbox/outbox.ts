import type { OutboxItem, OutboxStatus } from '../../shared/api/outbox.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import type { OutgoingJob } from '../jobs/outgoing-job.ts';
import { ENTRY_COLUMNS, type EntryRow, entryOf, type OutboxEntry, type OutboxState } from './outbox-entry.ts';

/** How much the outbox may hold. */
interface OutboxLimits {
  readonly maxRows: number;
  /** Bytes of all jobs together. */
  readonly maxBytes: number;
}

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
const UNREADABLE = 'the row cannot be read';
const FULL_RETRY_SECONDS = 5;

/**
 * The accepted jobs that a bridge is responsible for, in the SQLite database of its Durable Object. After a write, the
 * Durable Object sends nothing, neither an answer nor a frame to NATS, until the write is durable (the platform's
 * output gate).
 */
export class Outbox {
  readonly #sql: Pick<SqlStorage, 'exec'>;
  readonly #limits: OutboxLimits;
  readonly #counts: Record<OutboxState, number> = { pending: 0, published: 0, rejected: 0 };
  #bytes = 0;

  constructor(sql: Pick<SqlStorage, 'exec'>, limits: OutboxLimits) {
    this.#sql = sql;
    this.#limits = limits;
    sql.exec(SCHEMA);
    this.#count();
  }

  /** Whether jobs wait for NATS. If they do, a new job waits after them. */
  get hasPending(): boolean {
    return this.#counts.pending > 0;
  }

  /** Whether the outbox holds published jobs, whose end is not recorded yet. */
  get hasPublished(): boolean {
    return this.#counts.published > 0;
  }

  /**
   * Adds a pending job.
   * @param publication `unanswered` if the job was sent and NATS did not answer
   * @throws ThroughlineError `outbox-full`. Nothing was added then
   */
  add(job: OutgoingJob, body: Uint8Array, publication: 'unsent' | 'unanswered'): void {
    this.ensureRoom(body);
    this.#insert(job, body, 'pending', { tries: publication === 'unsent' ? 0 : 1, check_at: null });
  }

  /**
   * Adds a job that NATS has just acknowledged.
   * @param checkAt when to look for the job's end, in epoch milliseconds
   * @throws ThroughlineError `outbox-full` if the disk is full
   */
  addPublished(job: OutgoingJob, body: Uint8Array, checkAt: number): void {
    this.#insert(job, body, 'published', { tries: 1, check_at: checkAt });
  }

  /** Checks that a job with this input fits into the outbox. @throws ThroughlineError `outbox-full` */
  ensureRoom(body: Uint8Array): void {
    const rows = this.#counts.pending + this.#counts.published + this.#counts.rejected;
    if (rows >= this.#limits.maxRows || this.#bytes + body.length > this.#limits.maxBytes) throw full();
  }

  #insert(
    job: OutgoingJob,
    body: Uint8Array,
    state: OutboxState,
    { tries, check_at }: { readonly tries: number; readonly check_at: number | null },
  ): void {
    // If the outbox has this job already, its caller has sent it again, because NATS forgot the job or cannot be
    // reached. The new row replaces the old row.
    const before = this.hasPublished ? this.findPublished(job.tenant, job.jobId) : undefined;
    if (before !== undefined) this.remove([before.position]);
    const text = JSON.stringify(job);
    const size = text.length + body.length;
    try {
      this.#sql.exec(
        `INSERT INTO outbox (tenant, job_id, state, job, body, size, added_at, tries, check_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        ...[job.tenant, job.jobId, state, text, body, size, Date.now(), tries, check_at],
      );
    } catch (cause) {
      throw full(cause);
    }
    this.#counts[state]++;
    this.#bytes += size;
  }

  /** Finds a pending or rejected job. As far as the bridge knows, NATS does not have this job. */
  findUnpublished(tenant: string, jobId: string): OutboxEntry | undefined {
    return this.#entry(tenant, jobId, `state <> 'published'`);
  }

  /** Finds a published job. NATS has this job, and its end is not recorded yet. */
  findPublished(tenant: string, jobId: string): OutboxEntry | undefined {
    return this.#entry(tenant, jobId, `state = 'published'`);
  }

  #entry(tenant: string, jobId: string, condition: string): OutboxEntry | undefined {
    const [row] = this.#sql.exec<EntryRow>(
      `SELECT ${ENTRY_COLUMNS} FROM outbox WHERE tenant = ? AND job_id = ? AND ${condition}`,
      ...[tenant, jobId],
    );
    return row === undefined ? undefined : entryOf(row);
  }

  /**
   * Takes the next pending jobs to send, and adds one to the number of tries of each. A row that cannot be read is
   * rejected.
   * @param limit the most rows. Fewer are taken if they have more than `maxBytes`, but at least one
   */
  takeNext(limit: number, maxBytes: number): OutboxEntry[] {
    const entries: OutboxEntry[] = [];
    let bytes = 0;
    const rows = this.#sql.exec<EntryRow>(
      `SELECT ${ENTRY_COLUMNS} FROM outbox WHERE state = 'pending' ORDER BY position LIMIT ?`,
      limit,
    );
    for (const row of [...rows]) {
      const entry = entryOf(row);
      if (entry === undefined) this.reject(row.position, UNREADABLE);
      else {
        bytes += entry.body.length;
        if (entries.length > 0 && bytes > maxBytes) break;
        entries.push(entry);
      }
    }
    const last = entries.at(-1)?.position ?? 0;
    this.#sql.exec(`UPDATE outbox SET tries = tries + 1 WHERE state = 'pending' AND position <= ?`, last);
    return entries;
  }

  /** Removes jobs from the outbox. Call this for jobs that NATS has, or whose end is recorded. */
  remove(positions: readonly number[]): void {
    for (const position of positions) {
      const [row] = this.#sql.exec<{ state: string; size: number }>(
        'DELETE FROM outbox WHERE position = ? RETURNING state, size',
        position,
      );
      if (row === undefined) continue;
      this.#counts[row.state as OutboxState]--;
      this.#bytes -= row.size;
    }
  }

  /** Marks jobs as published. @param checkAt when to look for the end of the jobs, in epoch milliseconds */
  markPublished(positions: readonly number[], checkAt: number): void {
    for (const position of positions) this.#move(position, 'published', { check_at: checkAt, checks: 0 });
  }

  /** Returns the published jobs whose end must be looked for now, each with the number of its earlier checks. */
  dueForCheck(now: number, limit: number): { readonly entry: OutboxEntry; readonly checks: number }[] {
    const rows = this.#sql.exec<EntryRow & { readonly checks: number }>(
      `SELECT ${ENTRY_COLUMNS}, checks FROM outbox WHERE check_at <= ? ORDER BY check_at LIMIT ?`,
      ...[now, limit],
    );
    return [...rows].flatMap((row) => {
      const entry = entryOf(row);
      if (entry === undefined) this.reject(row.position, UNREADABLE);
      return entry === undefined ? [] : [{ entry, checks: row.checks }];
    });
  }

  /**
   * Returns when to look next for the end of a published job, in epoch milliseconds; undefined if no job is published.
   */
  nextCheck(): number | undefined {
    const [row] = this.#sql.exec<{ at: number | null }>('SELECT min(check_at) AS at FROM outbox');
    return row?.at ?? undefined;
  }

  /** Plans the next check of a published job. */
  checkLater(position: number, checkAt: number): void {
    this.#sql.exec(
      'UPDATE outbox SET check_at = ?, checks = checks + 1 WHERE position = ?',
      ...[checkAt, position],
    );
  }

  /** Makes a published job pending again because NATS has forgotten the job. The job keeps its position. */
  requeue(position: number): void {
    this.#move(position, 'pending', { check_at: null, checks: 0 });
  }

  /** Marks a job as rejected: NATS will not accept the job as it is. */
  reject(position: number, reason: string): void {
    this.#move(position, 'rejected', { reason, check_at: null });
  }

  /** Makes a rejected job pending again. @returns false if the outbox has no such rejected job */
  retry(tenant: string, jobId: string): boolean {
    const entry = this.findUnpublished(tenant, jobId);
    if (entry?.publication !== 'rejected') return false;
    this.#move(entry.position, 'pending', { reason: null });
    return true;
  }

  /**
   * Marks an unpublished job as cancelled. The job becomes pending, and the drain records its end instead of publishing
   * the job.
   * @param at when the job was cancelled, RFC 3339
   * @returns false if the job is not in the outbox any more, or was published
   */
  cancel(position: number, at: string): boolean {
    const rows = this.#sql.exec<{ position: number }>(
      `UPDATE outbox SET cancelled_at = ? WHERE position = ? AND state <> 'published' RETURNING position`,
      ...[at, position],
    );
    if ([...rows].length === 0) return false;
    this.#move(position, 'pending', { reason: null });
    return true;
  }

  /** Lists a tenant's pending and rejected jobs, in the order in which they are sent, at most `limit`. */
  list(tenant: string, limit: number): OutboxItem[] {
    const rows = this.#sql.exec<EntryRow & { readonly job_id: string }>(
      `SELECT ${ENTRY_COLUMNS}, job_id FROM outbox WHERE tenant = ? AND state <> 'published'
       ORDER BY position LIMIT ?`,
      ...[tenant, limit],
    );
    return [...rows].map(itemOf);
  }

  status(now: number): OutboxStatus {
    const [first] = this.#sql.exec<{ added_at: number }>(
      `SELECT added_at FROM outbox WHERE state = 'pending' ORDER BY position LIMIT 1`,
    );
    return {
      pending: this.#counts.pending,
      rejected: this.#counts.rejected,
      published: this.#counts.published,
      bytes: this.#bytes,
      oldestAgeSeconds: first === undefined ? 0 : Math.max(0, (now - first.added_at) / 1_000),
    };
  }

  #move(
    position: number,
    state: OutboxState,
    fields: Readonly<Record<string, string | number | null>>,
  ): void {
    const [row] = this.#sql.exec<{ state: string }>('SELECT state FROM outbox WHERE position = ?', position);
    if (row === undefined) return;
    const names = Object.keys(fields).map((name) => `, ${name} = ?`);
    this.#sql.exec(
      `UPDATE outbox SET state = ?${names.join('')} WHERE position = ?`,
      ...[state, ...Object.values(fields), position],
    );
    this.#counts[row.state as OutboxState]--;
    this.#counts[state]++;
  }

  #count(): void {
    const rows = this.#sql.exec<{ state: string; rows: number; bytes: number }>(
      'SELECT state, count(*) AS rows, sum(size) AS bytes FROM outbox GROUP BY state',
    );
    for (const { state, rows: count, bytes } of rows) {
      this.#counts[state as OutboxState] = count;
      this.#bytes += bytes;
    }
  }
}

function itemOf(row: EntryRow & { readonly job_id: string }): OutboxItem {
  const { reason, added_at, tries } = row;
  const operation = entryOf(row)?.job.operation;
  return {
    id: row.job_id,
    state: row.state === 'rejected' ? 'rejected' : 'pending',
    ...(operation === undefined ? {} : { operation }),
    addedAt: new Date(added_at).toISOString(),
    tries,
    ...(reason === null ? {} : { reason }),
  };
}

function full(cause?: unknown): ThroughlineError {
  return new ThroughlineError(
    'outbox-full',
    'the message broker cannot be reached, and the outbox has no room for another job',
    { cause, retryAfterSeconds: FULL_RETRY_SECONDS },
  );
}
