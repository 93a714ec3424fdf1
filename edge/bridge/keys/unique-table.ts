import { fnv1a } from '../../../shared/fnv1a.ts';
import type { JobKey } from '../../../shared/job/job-address.ts';
import type { SubmitCommand } from '../../calls/commands.ts';
import { keyIdOf } from '../../calls/placement.ts';
import { outboxFull } from '../../outbox/outbox-room.ts';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS unique_jobs (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL, operation TEXT NOT NULL, key TEXT NOT NULL, job_id TEXT NOT NULL, fingerprint TEXT,
    accepted_at INTEGER NOT NULL, checked_at INTEGER NOT NULL
  );
  CREATE INDEX IF NOT EXISTS unique_jobs_of_key ON unique_jobs (tenant, operation, key, accepted_at);
  CREATE INDEX IF NOT EXISTS unique_jobs_to_check ON unique_jobs (checked_at);
  CREATE TABLE IF NOT EXISTS unique_answers (
    tenant TEXT NOT NULL, slot INTEGER NOT NULL, asked_id TEXT NOT NULL, fingerprint TEXT, job_id TEXT NOT NULL,
    PRIMARY KEY (tenant, slot)
  ) WITHOUT ROWID;
`;

/** The most answers that are remembered for a tenant. A hash chooses the slot of an answer, so a new answer overwrites an old one. */
const ANSWER_SLOTS = 4_096;

/** A job, and the fingerprint of a request: the one that submitted the job, or one that it was the answer to. */
interface KnownJob extends JobKey {
  /** Undefined if the request had no idempotency key. */
  readonly fingerprint: string | undefined;
}

/** A job that was submitted with a unique key. */
export interface UniqueJob extends KnownJob {
  /** The place of its row. Two requests with one idempotency key have a row each, and only one of them makes the job. */
  readonly position: number;
}

type Row = { tenant: string; job_id: string; fingerprint: string | null };

const UNIQUE_COLUMNS = 'position, tenant, job_id, fingerprint';

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

  /**
   * Adds a job that is about to be submitted.
   * @returns the place of its row
   * @throws ThroughlineError `outbox-full` if the disk is full
   */
  add({ tenant, jobId, operation, acceptedAt, spec }: SubmitCommand, key: string): number {
    const row = [tenant, operation, key, jobId, spec.fingerprint ?? null, Date.parse(acceptedAt), Date.now()];
    try {
      const [added] = this.#sql.exec<{ position: number }>(
        `INSERT INTO unique_jobs (tenant, operation, key, job_id, fingerprint, accepted_at, checked_at)
         VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING position`,
        ...row,
      );
      return added?.position ?? 0;
    } catch (cause) {
      throw outboxFull(cause);
    }
  }

  /**
   * The youngest jobs of a key.
   * @param since when the oldest of them may have been accepted, in epoch milliseconds
   */
  ofKey(
    tenant: string,
    operation: string,
    key: string,
    { since, limit }: { readonly since: number; readonly limit: number },
  ): UniqueJob[] {
    return this.#readUnique(
      `tenant = ? AND operation = ? AND key = ? AND accepted_at >= ? ORDER BY accepted_at DESC LIMIT ?`,
      tenant,
      operation,
      key,
      since,
      limit,
    );
  }

  /** Removes the row of a job that is not there any more, or was not made. */
  remove(position: number): void {
    this.#sql.exec('DELETE FROM unique_jobs WHERE position = ?', position);
  }

  /**
   * Takes the jobs that were not looked at for the longest time, and marks them as looked at.
   * @param before only jobs that were not looked at since this time, in epoch milliseconds
   */
  takeUnchecked(limit: number, before: number): UniqueJob[] {
    const jobs = this.#readUnique('checked_at < ? ORDER BY checked_at LIMIT ?', before, limit);
    for (const { position } of jobs)
      this.#sql.exec('UPDATE unique_jobs SET checked_at = ? WHERE position = ?', Date.now(), position);
    return jobs;
  }

  /** Remembers which job was the answer to a submission with an idempotency key. */
  addAnswer({ tenant, jobId: own, spec }: SubmitCommand, jobId: string): void {
    const asked = keyIdOf(own);
    this.#sql.exec(
      'INSERT OR REPLACE INTO unique_answers VALUES (?, ?, ?, ?, ?)',
      tenant,
      slotOf(asked),
      asked,
      spec.fingerprint ?? null,
      jobId,
    );
  }

  /** The job that was the answer to an earlier submission, with the fingerprint of that submission. */
  answerTo({ tenant, jobId }: Pick<SubmitCommand, 'tenant' | 'jobId'>): KnownJob | undefined {
    const asked = keyIdOf(jobId);
    const [row] = this.#sql.exec<Row>(
      'SELECT tenant, job_id, fingerprint FROM unique_answers WHERE tenant = ? AND slot = ? AND asked_id = ?',
      tenant,
      slotOf(asked),
      asked,
    );
    return row && knownJob(row);
  }

  /** Forgets an answer whose job is not known any more. */
  removeAnswer({ tenant, jobId }: Pick<SubmitCommand, 'tenant' | 'jobId'>): void {
    this.#sql.exec(
      'DELETE FROM unique_answers WHERE tenant = ? AND slot = ?',
      tenant,
      slotOf(keyIdOf(jobId)),
    );
  }

  #readUnique(condition: string, ...bindings: readonly (string | number)[]): UniqueJob[] {
    const rows = this.#sql.exec<Row & { position: number }>(
      `SELECT ${UNIQUE_COLUMNS} FROM unique_jobs WHERE ${condition}`,
      ...bindings,
    );
    return [...rows].map((row) => ({ position: row.position, ...knownJob(row) }));
  }
}

function knownJob({ tenant, job_id, fingerprint }: Row): KnownJob {
  return { tenant, jobId: job_id, fingerprint: fingerprint ?? undefined };
}

function slotOf(id: string): number {
  return fnv1a(id) % ANSWER_SLOTS;
}
