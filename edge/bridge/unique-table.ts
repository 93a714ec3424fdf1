import { fnv1a } from '../../shared/fnv1a.ts';
import type { SubmitCommand } from '../calls/commands.ts';
import { full } from '../outbox/outbox-room.ts';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS unique_jobs (
    tenant TEXT NOT NULL, job_id TEXT NOT NULL, operation TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT,
    accepted_at INTEGER NOT NULL, checked_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, job_id)
  ) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS unique_jobs_of_key ON unique_jobs (tenant, operation, key, accepted_at);
  CREATE INDEX IF NOT EXISTS unique_jobs_to_check ON unique_jobs (checked_at);
  CREATE TABLE IF NOT EXISTS unique_answers (
    tenant TEXT NOT NULL, slot INTEGER NOT NULL, asked_id TEXT NOT NULL, fingerprint TEXT, job_id TEXT NOT NULL,
    PRIMARY KEY (tenant, slot)
  ) WITHOUT ROWID;
`;

/** How many jobs of one key are looked at, the youngest first. */
const MAX_OF_KEY = 16;
/** How many answers are remembered for each tenant at most. Each has one slot, so no answer has to be looked for to be forgotten. */
const ANSWER_SLOTS = 4_096;

/** A job that was submitted with a unique key, or the job that was the answer to such a submission. */
export interface UniqueJob {
  readonly tenant: string;
  readonly jobId: string;
  /** The fingerprint of the request, if it had an idempotency key. */
  readonly fingerprint: string | undefined;
}

type Row = { tenant: string; job_id: string; fingerprint: string | null };

/**
 * The jobs that were submitted with a unique key and may not have ended, in the SQLite database of the bridge. After a
 * write, the Durable Object publishes nothing until the write is durable, so no job with a unique key is unknown here.
 */
export class UniqueTable {
  readonly #sql: Pick<SqlStorage, 'exec'>;

  constructor(sql: Pick<SqlStorage, 'exec'>) {
    this.#sql = sql;
    sql.exec(SCHEMA);
  }

  /** Adds a job that is about to be submitted. @throws ThroughlineError `outbox-full` if the disk is full */
  add({ tenant, jobId, operation, acceptedAt, spec }: SubmitCommand, key: string): void {
    const row = [tenant, jobId, operation, key, spec.fingerprint ?? null, Date.parse(acceptedAt), Date.now()];
    try {
      this.#sql.exec('INSERT OR REPLACE INTO unique_jobs VALUES (?, ?, ?, ?, ?, ?, ?)', ...row);
    } catch (cause) {
      throw full(cause);
    }
  }

  /** The youngest jobs of a key, at most 16. @param since when the oldest may have been accepted, in epoch milliseconds */
  ofKey(tenant: string, operation: string, key: string, since: number): UniqueJob[] {
    return this.#read(
      `SELECT tenant, job_id, fingerprint FROM unique_jobs
       WHERE tenant = ? AND operation = ? AND key = ? AND accepted_at >= ? ORDER BY accepted_at DESC LIMIT ?`,
      ...[tenant, operation, key, since, MAX_OF_KEY],
    );
  }

  /** Removes a job that is not there any more. */
  remove({ tenant, jobId }: Pick<UniqueJob, 'tenant' | 'jobId'>): void {
    this.#sql.exec('DELETE FROM unique_jobs WHERE tenant = ? AND job_id = ?', tenant, jobId);
  }

  /**
   * Takes the jobs that were not looked at for the longest time, and marks them as looked at.
   * @param before only jobs that were not looked at since this time, in epoch milliseconds
   */
  takeUnchecked(limit: number, before: number): UniqueJob[] {
    const jobs = this.#read(
      'SELECT tenant, job_id, fingerprint FROM unique_jobs WHERE checked_at < ? ORDER BY checked_at LIMIT ?',
      ...[before, limit],
    );
    for (const { tenant, jobId } of jobs) {
      this.#sql.exec(
        'UPDATE unique_jobs SET checked_at = ? WHERE tenant = ? AND job_id = ?',
        ...[Date.now(), tenant, jobId],
      );
    }
    return jobs;
  }

  /** Remembers which job was the answer to a submission with an idempotency key. */
  addAnswer({ tenant, jobId: asked, spec }: SubmitCommand, jobId: string): void {
    this.#sql.exec(
      'INSERT OR REPLACE INTO unique_answers VALUES (?, ?, ?, ?, ?)',
      ...[tenant, slotOf(asked), asked, spec.fingerprint ?? null, jobId],
    );
  }

  /** The job that was the answer to an earlier submission. Its fingerprint is that of the earlier submission. */
  answerTo({ tenant, jobId: asked }: Pick<SubmitCommand, 'tenant' | 'jobId'>): UniqueJob | undefined {
    const [answer] = this.#read(
      'SELECT tenant, job_id, fingerprint FROM unique_answers WHERE tenant = ? AND slot = ? AND asked_id = ?',
      ...[tenant, slotOf(asked), asked],
    );
    return answer;
  }

  #read(query: string, ...bindings: readonly (string | number)[]): UniqueJob[] {
    const rows = this.#sql.exec<Row>(query, ...bindings);
    return [...rows].map(({ tenant, job_id, fingerprint }) => ({
      ...{ tenant, jobId: job_id, fingerprint: fingerprint ?? undefined },
    }));
  }
}

function slotOf(id: string): number {
  return fnv1a(id) % ANSWER_SLOTS;
}
