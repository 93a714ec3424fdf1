import type { OutboxItem } from '../../shared/api/answers/outbox.ts';
import type { ErrorCode } from '../../shared/errors.ts';
import { rejectedId, rejectedIdRange } from '../calls/rejected-id.ts';
import { type EntryRow, entryOf, itemOf, type OutboxEntry } from './outbox-entry.ts';
import type { OutboxRows } from './outbox-rows.ts';

/** At most this many rows expire in one turn. */
const EXPIRY_BATCH = 256;
const OTHER_REQUEST = 'idempotency-key-reused' satisfies ErrorCode;

/**
 * The jobs that NATS will not take as they are. From its first rejection on, a job has an id of its own, also when it is sent
 * again, so that it never hides another job with its job id. It counts against its tenant's share until it is removed or expires.
 */
export class RejectedJobs {
  readonly #rows: OutboxRows;
  readonly #keepMs: number;

  /** @param keepMs how long a rejected job is kept */
  constructor(rows: OutboxRows, keepMs: number) {
    this.#rows = rows;
    this.#keepMs = keepMs;
  }

  /** Marks a job as rejected. @param reason an error code, a colon, and a sentence */
  add(position: number, reason: string): void {
    const [row] = this.#rows.select('position = ?', position);
    if (row === undefined) return;
    this.#rows.update(position, {
      state: 'rejected',
      job_id: rejectedId(row.job_id, position),
      reason,
      check_at: Date.now() + this.#keepMs,
    });
  }

  /** Makes a rejected job pending again. @returns undefined if the tenant has no rejected job with this id of its own */
  retry(tenant: string, id: string): OutboxEntry | undefined {
    const [row] = this.#select(tenant, id);
    const entry = row && entryOf(row);
    if (entry === undefined) return undefined;
    this.#rows.update(entry.position, { state: 'pending', reason: null, check_at: null });
    return { ...entry, publication: 'unanswered', reason: undefined };
  }

  /**
   * Gives up a rejected job. If no other job has its job id, the drain records its end.
   * @returns the job as it was; undefined if the tenant has no rejected job with this id of its own
   */
  remove(tenant: string, id: string): OutboxItem | undefined {
    const [row] = this.#select(tenant, id);
    if (row === undefined) return undefined;
    this.#giveUp(row, Date.now());
    return itemOf(row);
  }

  /** Gives up the rejected jobs that were kept long enough, at most 256. @returns how many */
  expire(now: number): number {
    const rows = this.#rows.select(`state = 'rejected' AND check_at <= ? LIMIT ?`, now, EXPIRY_BATCH);
    for (const row of rows) this.#giveUp(row, now);
    return rows.length;
  }

  /**
   * Finds a job that was rejected once, by its job id. Call this only if NATS has no job with this id. A job whose idempotency
   * key belongs to another request is not found.
   */
  findByJob(tenant: string, jobId: string): OutboxEntry | undefined {
    const rows = this.#rows.select(
      'tenant = ? AND job_id > ? AND job_id < ? ORDER BY position DESC',
      tenant,
      ...rejectedIdRange(jobId),
    );
    const entries = rows.filter((row) => !isOfOtherRequest(row)).map(entryOf);
    return entries.find((entry) => entry?.job.jobId === jobId);
  }

  #giveUp(row: EntryRow, now: number): void {
    if (isOfOtherRequest(row) || entryOf(row) === undefined) this.#rows.remove(row.position);
    else
      this.#rows.update(row.position, {
        state: 'pending',
        reason: null,
        check_at: null,
        cancelled_at: new Date(now).toISOString(),
      });
  }

  #select(tenant: string, id: string): EntryRow[] {
    return this.#rows.select(`tenant = ? AND job_id = ? AND state = 'rejected'`, tenant, id);
  }
}

function isOfOtherRequest({ reason }: EntryRow): boolean {
  return reason?.startsWith(OTHER_REQUEST) ?? false;
}
