import type { OutboxItem, OutboxStatus } from '../../shared/api/outbox.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import { parseJson } from '../../shared/text/json.ts';
import { OutgoingJob } from '../jobs/outgoing-job.ts';

/** What the outbox may hold. */
export interface OutboxLimits {
  readonly maxRows: number;
  /** Bytes of jobs, as they are kept. */
  readonly maxBytes: number;
}

/** An accepted job that is kept here. */
export interface OutboxEntry {
  /** Its place in the line. */
  readonly position: number;
  readonly job: OutgoingJob;
  /** The input as JSON in UTF-8. */
  readonly body: Uint8Array;
  /** Epoch milliseconds. */
  readonly addedAt: number;
  /** How often it was sent before: after the first time NATS may have it, though it did not say so. */
  readonly tries: number;
  /** RFC 3339; undefined: it was not cancelled. */
  readonly cancelledAt: string | undefined;
  /** Why NATS will never take it; undefined: it is not set aside. */
  readonly reason: string | undefined;
}

/** `pending`: NATS does not have it, as far as is known. `published`: it does, the end is awaited. */
type State = 'pending' | 'published' | 'rejected';

interface Row extends Record<string, SqlStorageValue> {
  readonly position: number;
  readonly job: string;
  readonly body: ArrayBuffer;
  readonly added_at: number;
  readonly tries: number;
  readonly cancelled_at: string | null;
  readonly reason: string | null;
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
  CREATE INDEX IF NOT EXISTS outbox_line ON outbox (state, position);
  CREATE INDEX IF NOT EXISTS outbox_check ON outbox (check_at) WHERE check_at IS NOT NULL;
`;
const ENTRY = 'position, job, body, added_at, tries, cancelled_at, reason';
const FULL_RETRY_SECONDS = 5;

/**
 * The accepted jobs that a bridge answers for, in its SQLite. A Durable Object lets nothing leave, no answer and no
 * frame to NATS, before what was written here is durable (the platform's output gate).
 */
export class Outbox {
  readonly #sql: Pick<SqlStorage, 'exec'>;
  readonly #limits: OutboxLimits;
  readonly #counts: Record<State, number> = { pending: 0, published: 0, rejected: 0 };
  #bytes = 0;

  constructor(sql: Pick<SqlStorage, 'exec'>, limits: OutboxLimits) {
    this.#sql = sql;
    this.#limits = limits;
    sql.exec(SCHEMA);
    this.#count();
  }

  /** Whether jobs wait for NATS: whoever comes now joins the line. */
  get hasPending(): boolean {
    return this.#counts.pending > 0;
  }

  /** Whether there are jobs whose end is awaited. */
  get hasUnsettled(): boolean {
    return this.#counts.published > 0;
  }

  /**
   * Takes a job in.
   * @param tries 1 where it was sent and NATS did not answer; else 0
   * @throws ThroughlineError `outbox-full`; nothing was taken then
   */
  add(job: OutgoingJob, body: Uint8Array, tries: 0 | 1): void {
    this.ensureRoom(body);
    this.#insert(job, body, 'pending', { tries, check_at: null });
  }

  /**
   * Takes in a job that NATS has just acknowledged: its end is looked for at `checkAt` (epoch milliseconds).
   * @throws ThroughlineError `outbox-full` where the disk is
   */
  addPublished(job: OutgoingJob, body: Uint8Array, checkAt: number): void {
    this.#insert(job, body, 'published', { tries: 1, check_at: checkAt });
  }

  /** @throws ThroughlineError `outbox-full` where a job with this input would be too much */
  ensureRoom(body: Uint8Array): void {
    const rows = this.#counts.pending + this.#counts.published + this.#counts.rejected;
    if (rows >= this.#limits.maxRows || this.#bytes + body.length > this.#limits.maxBytes) throw full();
  }

  #insert(
    job: OutgoingJob,
    body: Uint8Array,
    state: State,
    { tries, check_at }: { readonly tries: number; readonly check_at: number | null },
  ): void {
    // NATS has forgotten it, or is away, and its caller has sent it again.
    const before = this.hasUnsettled ? this.findPublished(job.tenant, job.jobId) : undefined;
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

  /** A job that NATS does not have, as far as is known: waiting, or set aside. */
  find(tenant: string, jobId: string): OutboxEntry | undefined {
    return this.#entry(tenant, jobId, `state <> 'published'`);
  }

  /** A job that NATS has and whose end is awaited. */
  findPublished(tenant: string, jobId: string): OutboxEntry | undefined {
    return this.#entry(tenant, jobId, `state = 'published'`);
  }

  #entry(tenant: string, jobId: string, condition: string): OutboxEntry | undefined {
    const [row] = this.#sql.exec<Row>(
      `SELECT ${ENTRY} FROM outbox WHERE tenant = ? AND job_id = ? AND ${condition}`,
      ...[tenant, jobId],
    );
    return row === undefined ? undefined : entryOf(row);
  }

  /**
   * The first of the line, and counts a try for each of them. What cannot be read any more is set aside on the way.
   * @param limit rows at most; fewer where they are large
   */
  takeNext(limit: number, maxBytes: number): OutboxEntry[] {
    const entries: OutboxEntry[] = [];
    let bytes = 0;
    const rows = this.#sql.exec<Row>(
      `SELECT ${ENTRY} FROM outbox WHERE state = 'pending' ORDER BY position LIMIT ?`,
      limit,
    );
    for (const row of [...rows]) {
      const entry = entryOf(row);
      if (entry === undefined) this.reject(row.position, 'the row cannot be read');
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

  /** Forgets jobs: NATS has them, or their end is recorded. */
  remove(positions: readonly number[]): void {
    for (const position of positions) {
      const [row] = this.#sql.exec<{ state: string; size: number }>(
        'DELETE FROM outbox WHERE position = ? RETURNING state, size',
        position,
      );
      if (row === undefined) continue;
      this.#counts[row.state as State]--;
      this.#bytes -= row.size;
    }
  }

  /** NATS has these jobs; their end is looked for at `checkAt` (epoch milliseconds). */
  published(positions: readonly number[], checkAt: number): void {
    for (const position of positions) this.#move(position, 'published', { check_at: checkAt, checks: 0 });
  }

  /** Published jobs whose time to be looked at has come, with how often they were. */
  due(now: number, limit: number): { readonly entry: OutboxEntry; readonly checks: number }[] {
    const rows = this.#sql.exec<Row & { readonly checks: number }>(
      `SELECT ${ENTRY}, checks FROM outbox WHERE check_at <= ? ORDER BY check_at LIMIT ?`,
      ...[now, limit],
    );
    return [...rows].flatMap((row) => {
      const entry = entryOf(row);
      if (entry === undefined) this.reject(row.position, 'the row cannot be read');
      return entry === undefined ? [] : [{ entry, checks: row.checks }];
    });
  }

  /** When the next published job is to be looked at; undefined: there is none. */
  nextCheck(): number | undefined {
    const [row] = this.#sql.exec<{ at: number | null }>('SELECT min(check_at) AS at FROM outbox');
    return row?.at ?? undefined;
  }

  /** Looks at a published job again later. */
  checkLater(position: number, checkAt: number): void {
    this.#sql.exec(
      'UPDATE outbox SET check_at = ?, checks = checks + 1 WHERE position = ?',
      ...[checkAt, position],
    );
  }

  /** NATS has forgotten a job that it had: back into the line, at its old place. */
  requeue(position: number): void {
    this.#move(position, 'pending', { check_at: null, checks: 0 });
  }

  /** NATS will never take this job as it is: out of the line, kept with its reason. */
  reject(position: number, reason: string): void {
    this.#move(position, 'rejected', { reason, check_at: null });
  }

  /** Puts a job that was set aside back into the line. @returns whether there was one */
  retry(tenant: string, jobId: string): boolean {
    const entry = this.find(tenant, jobId);
    if (entry?.reason === undefined) return false;
    this.#move(entry.position, 'pending', { reason: null });
    return true;
  }

  /**
   * Marks a job as cancelled: its end is sent in its place. One that was set aside joins the line for it.
   * @returns whether it was still here
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

  /** A tenant's jobs here, set aside or waiting, in the order of the line, at most `limit`. */
  list(tenant: string, limit: number): OutboxItem[] {
    const rows = this.#sql.exec<Row & { readonly job_id: string }>(
      `SELECT ${ENTRY}, job_id FROM outbox WHERE tenant = ? AND state <> 'published' ORDER BY position LIMIT ?`,
      ...[tenant, limit],
    );
    return [...rows].map((row) => {
      const { reason, added_at, tries } = row;
      const operation = entryOf(row)?.job.operation;
      return {
        id: row.job_id,
        state: reason === null ? 'pending' : 'rejected',
        ...(operation === undefined ? {} : { operation }),
        addedAt: new Date(added_at).toISOString(),
        tries,
        ...(reason === null ? {} : { reason }),
      };
    });
  }

  status(now: number): OutboxStatus {
    const [first] = this.#sql.exec<{ added_at: number }>(
      `SELECT added_at FROM outbox WHERE state = 'pending' ORDER BY position LIMIT 1`,
    );
    return {
      pending: this.#counts.pending,
      rejected: this.#counts.rejected,
      unsettled: this.#counts.published,
      bytes: this.#bytes,
      oldestAgeSeconds: first === undefined ? 0 : Math.max(0, (now - first.added_at) / 1_000),
    };
  }

  #move(position: number, state: State, fields: Readonly<Record<string, string | number | null>>): void {
    const [row] = this.#sql.exec<{ state: string }>('SELECT state FROM outbox WHERE position = ?', position);
    if (row === undefined) return;
    const names = Object.keys(fields).map((name) => `, ${name} = ?`);
    this.#sql.exec(
      `UPDATE outbox SET state = ?${names.join('')} WHERE position = ?`,
      ...[state, ...Object.values(fields), position],
    );
    this.#counts[row.state as State]--;
    this.#counts[state]++;
  }

  #count(): void {
    const rows = this.#sql.exec<{ state: string; rows: number; bytes: number }>(
      'SELECT state, count(*) AS rows, sum(size) AS bytes FROM outbox GROUP BY state',
    );
    for (const { state, rows: count, bytes } of rows) {
      this.#counts[state as State] = count;
      this.#bytes += bytes;
    }
  }
}

function entryOf(row: Row): OutboxEntry | undefined {
  const job = OutgoingJob.safeParse(parseJson(row.job));
  if (!job.success) return undefined;
  return {
    position: row.position,
    job: job.data,
    body: new Uint8Array(row.body),
    addedAt: row.added_at,
    tries: row.tries,
    cancelledAt: row.cancelled_at ?? undefined,
    reason: row.reason ?? undefined,
  };
}

function full(cause?: unknown): ThroughlineError {
  return new ThroughlineError(
    'outbox-full',
    'the message broker cannot be reached, and no more jobs can be kept for it',
    { cause, retryAfterSeconds: FULL_RETRY_SECONDS },
  );
}
