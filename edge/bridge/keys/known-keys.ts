import { valueWithin, withDeadline } from '../../../shared/deadline.ts';
import { describeThrown, unavailable } from '../../../shared/errors.ts';
import type { JobKey } from '../../../shared/job/job-address.ts';
import { keyIdOf } from '../../calls/placement.ts';
import { outboxFull } from '../../outbox/outbox-room.ts';
import type { Logger } from '../../telemetry/log.ts';

const DAY_MS = 86_400_000;
/** How long a key is known after its job was submitted, or is due. It is known for longer while NATS has anything of the job. */
const KNOWN_MS = 14 * DAY_MS;
const MAX_ROWS = 2_000_000;
/** How many of the oldest rows are looked at for each new row. */
const SWEEP_ROWS = 4;
/** The pause before the first bridge is asked again. */
const RETRY_MS = 30_000;
/** How long a submission waits for the answer of the first bridge. */
const PATIENCE_MS = 2_000;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS known_keys (
    position INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, job_id TEXT NOT NULL UNIQUE,
    expires_at INTEGER NOT NULL
  );
  CREATE TABLE IF NOT EXISTS known_keys_since (
    only INTEGER PRIMARY KEY CHECK (only = 0), since INTEGER NOT NULL, shards INTEGER, shards_since INTEGER
  );
`;

const OLDEST = 'SELECT position FROM known_keys ORDER BY position LIMIT ?';

type Sql = Pick<SqlStorage, 'exec'>;
type Row = { tenant: string; job_id: string };
type Since = { since: number; shards: number | null; shards_since: number | null };

interface KeysParts {
  readonly sql: Sql;
  readonly log: Logger;
  /**
   * Asks the first bridge since when all bridges have had the same number of shards, in epoch milliseconds. 0: from the first job
   * on. Undefined: nobody can tell now.
   */
  readonly askSince: () => Promise<number | undefined>;
  /** Whether NATS has anything of a job. It may throw. */
  readonly isRemembered: (job: JobKey) => Promise<boolean>;
}

/**
 * The idempotency keys that were used, by the ids of their jobs, in the SQLite database of the bridge. A key that is not here is
 * new, so its job needs no look at NATS. After a write, the Durable Object publishes nothing until the write is durable, so NATS
 * has no job whose key is unknown here (docs/decisions/bridge-and-outbox.md).
 */
export class KnownKeys {
  readonly #parts: KeysParts;
  /** Since when each key is here, in epoch milliseconds. */
  #since: number;
  /** Since when the number of shards is the same; undefined: not known yet. */
  #shardsSince: number | undefined;
  #asking: Promise<void> | undefined;
  #retryAt = 0;
  #hasAsked = false;
  #isSweeping = false;

  /** Call this before any other table of the object is made: an object without tables has had no job yet. */
  constructor(parts: KeysParts) {
    this.#parts = parts;
    const { sql } = parts;
    const [tables] = sql.exec<{ n: number }>(
      `SELECT count(*) AS n FROM sqlite_schema WHERE name NOT LIKE '\\_cf\\_%' ESCAPE '\\'`,
    );
    sql.exec(SCHEMA);
    sql.exec(
      'INSERT OR IGNORE INTO known_keys_since (only, since) VALUES (0, ?)',
      tables?.n === 0 ? 0 : Date.now(),
    );
    this.#since = this.#row().since;
  }

  /**
   * Waits until it is known whether keys may be missing here, for 2 s at most. The first bridge is asked once in the life of the
   * object, and again only if there was no answer. Call this also before a job without a key: only before the very first job can the
   * answer be that no key is missing. Never throws.
   * @param isKeyed whether the answer is needed. If not, the first bridge is not asked a second time
   * @param leftMs how much longer the submission may wait, in milliseconds
   * @returns undefined if there is nothing to wait for
   */
  settle(isKeyed: boolean, leftMs: number): Promise<void> | undefined {
    if (this.#shardsSince !== undefined || Date.now() < this.#retryAt) return undefined;
    if (this.#hasAsked && this.#asking === undefined && !isKeyed) return undefined;
    this.#hasAsked = true;
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return valueWithin(this.#asking, leftMs);
  }

  /** Whether a key that is not here was not used within the time that keys are kept. Call {@link settle} first. */
  get isComplete(): boolean {
    if (this.#shardsSince === undefined) return false;
    const since = Math.max(this.#since, this.#shardsSince);
    return since === 0 || Date.now() - since >= KNOWN_MS;
  }

  /**
   * The id of the job that was submitted with the key of this one, or was about to be. It is another id if that request had another
   * ordering key or unique key. Undefined is not certain: old rows are removed.
   */
  idOf(jobId: string): string | undefined {
    const id = keyIdOf(jobId);
    const [row] = this.#parts.sql.exec<Pick<Row, 'job_id'>>(
      'SELECT job_id FROM known_keys WHERE job_id = ? OR job_id BETWEEN ? AND ?',
      id,
      `${id}_`,
      `${id}_g`,
    );
    return row?.job_id;
  }

  /**
   * Adds the key of a job that is about to be submitted. If there is no room for it, the table counts as incomplete from now on: a
   * key that is not in it may be known to NATS.
   * @param dueAt when a delayed job is due, RFC 3339
   * @throws ThroughlineError `outbox-full` if not even that can be stored
   */
  add({ tenant, jobId }: JobKey, dueAt: string | undefined): void {
    const now = Date.now();
    const expiresAt = Math.max(now, Date.parse(dueAt ?? '') || 0) + KNOWN_MS;
    try {
      this.#parts.sql.exec(
        `INSERT INTO known_keys (tenant, job_id, expires_at) VALUES (?, ?, ?)
         ON CONFLICT (job_id) DO UPDATE SET expires_at = max(expires_at, excluded.expires_at)`,
        tenant,
        jobId,
        expiresAt,
      );
      this.#makeRoom(now);
    } catch (thrown) {
      this.#parts.log.error('an idempotency key cannot be stored', { reason: describeThrown(thrown) });
      try {
        this.#setSince(now);
      } catch (cause) {
        throw outboxFull(cause);
      }
    }
  }

  /**
   * Since when all bridges have had this number of shards. Only the bridge that the others ask needs this.
   * @param isFirst whether NATS has had no job yet; asked once. It may throw
   */
  async shardsSince(shards: number, isFirst: () => Promise<boolean>): Promise<number> {
    const known = this.#row();
    if (known.shards === shards && known.shards_since !== null) return known.shards_since;
    const isNew = known.shards === null && known.since === 0 && (await isFirst());
    const since = isNew ? 0 : Date.now();
    this.#parts.sql.exec('UPDATE known_keys_since SET shards = ?, shards_since = ?', shards, since);
    // This bridge may have asked before the number changed.
    this.#shardsSince = since;
    return since;
  }

  async #ask(): Promise<void> {
    try {
      const late = (): Error => unavailable('the first bridge did not answer in time');
      this.#shardsSince = await withDeadline(this.#parts.askSince(), PATIENCE_MS, late);
    } catch (thrown) {
      this.#parts.log.debug('nobody can tell now which idempotency keys are new', {
        reason: describeThrown(thrown),
      });
    }
    if (this.#shardsSince === undefined) this.#retryAt = Date.now() + RETRY_MS;
  }

  /** If there are too many rows, removes the oldest ones, and counts the table as incomplete. Otherwise looks at some old rows. */
  #makeRoom(now: number): void {
    const { sql } = this.#parts;
    const [range] = sql.exec<{ n: number }>(
      'SELECT ifnull(max(position) - min(position), 0) AS n FROM known_keys',
    );
    if ((range?.n ?? 0) >= MAX_ROWS) {
      this.#setSince(now);
      sql.exec(`DELETE FROM known_keys WHERE position IN (${OLDEST})`, SWEEP_ROWS);
      return;
    }
    if (this.#isSweeping) return;
    const old = sql.exec<Row>(
      `SELECT tenant, job_id FROM known_keys WHERE expires_at < ? AND position IN (${OLDEST})`,
      now,
      SWEEP_ROWS,
    );
    void this.#sweep([...old], now);
  }

  /** Looks at rows whose time is over. If NATS has nothing of a job any more, its row is removed. Never throws. */
  async #sweep(rows: readonly Row[], now: number): Promise<void> {
    const { sql, log, isRemembered } = this.#parts;
    if (rows.length === 0) return;
    this.#isSweeping = true;
    try {
      for (const { tenant, job_id: jobId } of rows) {
        if (await isRemembered({ tenant, jobId })) this.#keepLonger(jobId, now + KNOWN_MS);
        // The key may have been used again meanwhile.
        else sql.exec('DELETE FROM known_keys WHERE job_id = ? AND expires_at < ?', jobId, now);
      }
    } catch (thrown) {
      log.debug('old idempotency keys cannot be looked at now', { reason: describeThrown(thrown) });
    } finally {
      this.#isSweeping = false;
    }
  }

  /** Moves a row to the youngest ones. */
  #keepLonger(jobId: string, expiresAt: number): void {
    this.#parts.sql.exec(
      `UPDATE known_keys SET position = (SELECT max(position) + 1 FROM known_keys), expires_at = max(expires_at, ?)
       WHERE job_id = ?`,
      expiresAt,
      jobId,
    );
  }

  /** Counts the table as incomplete: keys that were used before `since` may be missing. */
  #setSince(since: number): void {
    this.#since = since;
    this.#parts.sql.exec('UPDATE known_keys_since SET since = ?', since);
  }

  #row(): Since {
    const [row] = this.#parts.sql.exec<Since>('SELECT since, shards, shards_since FROM known_keys_since');
    return row ?? { since: Date.now(), shards: null, shards_since: null };
  }
}
