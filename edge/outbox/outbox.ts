import type { OutboxItem, OutboxStatus } from '../../shared/api/answers/outbox.ts';
import type { OutgoingJob } from '../jobs/outgoing-job.ts';
import { type EntryRow, entryOf, itemOf, type OutboxEntry } from './outbox-entry.ts';
import type { OutboxLimits, OutboxShare } from './outbox-room.ts';
import { OutboxRows } from './outbox-rows.ts';
import { RejectedJobs } from './rejected-jobs.ts';

interface OutboxOptions extends OutboxLimits {
  /** How long a rejected job is kept. */
  readonly keepRejectedMs: number;
}

const UNREADABLE = 'the row cannot be read';

/**
 * The accepted jobs that a bridge is responsible for, in the SQLite database of its Durable Object. After a write, the
 * Durable Object sends nothing, neither an answer nor a frame to NATS, until the write is durable (the platform's
 * output gate).
 */
export class Outbox {
  readonly #rows: OutboxRows;
  /** The jobs that NATS will not take. */
  readonly rejected: RejectedJobs;

  constructor(sql: Pick<SqlStorage, 'exec'>, options: OutboxOptions) {
    this.#rows = new OutboxRows(sql, options);
    this.rejected = new RejectedJobs(this.#rows, options.keepRejectedMs);
  }

  /** Whether jobs wait for NATS. If they do, a new job waits after them. */
  get hasPending(): boolean {
    return this.#rows.room.rows.pending > 0;
  }

  /** Whether the outbox holds published jobs, whose end is not recorded yet. */
  get hasPublished(): boolean {
    return this.#rows.room.rows.published > 0;
  }

  /**
   * Adds a pending job.
   * @param publication `unanswered` if the job was sent and NATS did not answer
   * @param share how much of the outbox its tenant may have
   * @throws ThroughlineError `outbox-full`, `outbox-share-full`. Nothing was added then
   */
  add(job: OutgoingJob, body: Uint8Array, publication: 'unsent' | 'unanswered', share: OutboxShare): void {
    this.ensureRoom(job.tenant, body, share);
    this.#insert(job, body, { state: 'pending', tries: publication === 'unsent' ? 0 : 1, checkAt: null });
  }

  /**
   * Adds a job that NATS has just acknowledged.
   * @param checkAt when to look for the job's end, in epoch milliseconds
   * @throws ThroughlineError `outbox-full` if the disk is full
   */
  addPublished(job: OutgoingJob, body: Uint8Array, checkAt: number): void {
    this.#insert(job, body, { state: 'published', tries: 1, checkAt });
  }

  /**
   * Checks that a tenant's job with this input fits into the outbox.
   * @throws ThroughlineError `outbox-full`, `outbox-share-full`
   */
  ensureRoom(tenant: string, body: Uint8Array, share: OutboxShare): void {
    this.#rows.room.check(tenant, body.length, share);
  }

  #insert(
    job: OutgoingJob,
    body: Uint8Array,
    row: { readonly state: 'pending' | 'published'; readonly tries: number; readonly checkAt: number | null },
  ): void {
    const { tenant, jobId: id } = job;
    // If the outbox has this job already, its caller has sent it again, because NATS forgot the job or cannot be
    // reached. The new row replaces the old row.
    const before = this.hasPublished ? this.findPublished(tenant, id) : undefined;
    if (before !== undefined) this.remove([before.position]);
    this.#rows.insert({ tenant, id, job: JSON.stringify(job), body, ...row });
  }

  /** Finds a pending job. As far as the bridge knows, NATS does not have this job. */
  findPending(tenant: string, jobId: string): OutboxEntry | undefined {
    return this.#entry(tenant, jobId, 'pending');
  }

  /** Finds a published job. NATS has this job, and its end is not recorded yet. */
  findPublished(tenant: string, jobId: string): OutboxEntry | undefined {
    return this.#entry(tenant, jobId, 'published');
  }

  #entry(tenant: string, jobId: string, state: 'pending' | 'published'): OutboxEntry | undefined {
    const [row] = this.#rows.select('tenant = ? AND job_id = ? AND state = ?', tenant, jobId, state);
    const entry = row && entryOf(row);
    // A job that was rejected once may have an id of its own that looks like the id of another job.
    return entry?.wasRejected ? undefined : entry;
  }

  /**
   * Takes the next pending jobs to send, and adds one to the number of tries of each. A row that cannot be read is
   * rejected.
   * @param limit the most rows. Fewer are taken if they have more than `maxBytes`, but at least one
   */
  takeNext(limit: number, maxBytes: number): OutboxEntry[] {
    const entries: OutboxEntry[] = [];
    let bytes = 0;
    for (const row of this.#rows.select(`state = 'pending' ORDER BY position LIMIT ?`, limit)) {
      const entry = this.#readable(row);
      bytes += entry?.body.length ?? 0;
      if (entries.length > 0 && bytes > maxBytes) break;
      if (entry !== undefined) entries.push(entry);
    }
    this.#rows.countTries(entries.at(-1)?.position ?? 0);
    return entries;
  }

  /** Removes jobs from the outbox. Call this for jobs that NATS has, or whose end is recorded. */
  remove(positions: readonly number[]): void {
    for (const position of positions) this.#rows.remove(position);
  }

  /** Marks jobs as published. @param checkAt when to look for the end of the jobs, in epoch milliseconds */
  markPublished(positions: readonly number[], checkAt: number): void {
    const fields = { state: 'published', check_at: checkAt, checks: 0 } as const;
    for (const position of positions) this.#rows.update(position, fields);
  }

  /** Returns the published jobs whose end must be looked for now, each with the number of its earlier checks. */
  dueForCheck(now: number, limit: number): { readonly entry: OutboxEntry; readonly checks: number }[] {
    const rows = this.#rows.select(
      `state = 'published' AND check_at <= ? ORDER BY check_at LIMIT ?`,
      now,
      limit,
    );
    return rows.flatMap((row) => {
      const entry = this.#readable(row);
      return entry === undefined ? [] : [{ entry, checks: row.checks }];
    });
  }

  /** Makes an entry of a row. A row that cannot be read is rejected. */
  #readable(row: EntryRow): OutboxEntry | undefined {
    const entry = entryOf(row);
    if (entry === undefined) this.rejected.add(row.position, UNREADABLE);
    return entry;
  }

  /**
   * Returns when to look next for the end of a published job, or to give up a rejected one, in epoch milliseconds; undefined
   * if there is no such job.
   */
  nextCheck(): number | undefined {
    return this.#rows.nextCheck;
  }

  /** Plans the next check of a published job. */
  checkLater(position: number, checkAt: number, checks: number): void {
    this.#rows.update(position, { check_at: checkAt, checks });
  }

  /** Makes a published job pending again because NATS has forgotten the job. The job keeps its position. */
  requeue(position: number): void {
    this.#rows.update(position, { state: 'pending', check_at: null, checks: 0 });
  }

  /**
   * Marks an unpublished job as cancelled. The job becomes pending, and the drain records its end instead of publishing
   * the job.
   * @param at when the job was cancelled, RFC 3339
   * @returns false if the job is not in the outbox any more, or was published
   */
  cancel(position: number, at: string): boolean {
    const [row] = this.#rows.select(`position = ? AND state <> 'published'`, position);
    if (row === undefined) return false;
    this.#rows.update(position, { state: 'pending', cancelled_at: at, reason: null, check_at: null });
    return true;
  }

  /** Lists a tenant's pending and rejected jobs that were not cancelled, in the order of the queue, at most `limit`. */
  list(tenant: string, limit: number): OutboxItem[] {
    const rows = this.#rows.select(
      `tenant = ? AND state <> 'published' AND cancelled_at IS NULL ORDER BY position LIMIT ?`,
      tenant,
      limit,
    );
    return rows.map(itemOf);
  }

  /** What the jobs of a tenant take here. */
  usedBy(tenant: string): OutboxShare {
    return this.#rows.room.usedBy(tenant);
  }

  /** The tenants that have jobs here. */
  get tenants(): Iterable<string> {
    return this.#rows.room.tenants;
  }

  /** What the outbox holds. @param now epoch milliseconds */
  status(now: number): OutboxStatus {
    const oldest = this.#rows.firstAddedAt;
    const { rows, bytes } = this.#rows.room;
    return {
      ...rows,
      bytes,
      oldestAgeSeconds: oldest === undefined ? 0 : Math.max(0, (now - oldest) / 1_000),
    };
  }
}
