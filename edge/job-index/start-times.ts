import type { RateLimit } from '../../shared/api/operation.ts';
import { LIMITS } from '../../shared/job/limits.ts';

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS start_times (key TEXT NOT NULL, at INTEGER NOT NULL, forget_at INTEGER NOT NULL);
  CREATE INDEX IF NOT EXISTS start_times_by_key ON start_times (key, at);
  CREATE INDEX IF NOT EXISTS start_times_by_age ON start_times (forget_at);`;

/** The start times of jobs whose operations have a `rateLimit`: the last ones that were given for each key. */
export class StartTimes {
  readonly #sql: Pick<SqlStorage, 'exec'>;

  constructor(sql: Pick<SqlStorage, 'exec'>) {
    this.#sql = sql;
    sql.exec(SCHEMA);
  }

  /**
   * Gives a job its start time: that of the job `limit` places before, plus the period. So no more than `limit` start times fall into
   * any period.
   * @param key names the tenant, the operation and the value of the limit's key
   * @param now epoch milliseconds
   * @returns epoch milliseconds, not before `now`; undefined if that is later than a job may be delayed
   */
  next(key: string, { limit, periodMs }: Omit<RateLimit, 'key'>, now: number): number | undefined {
    this.#sql.exec('DELETE FROM start_times WHERE forget_at <= ?', now);
    const [earlier] = this.#sql.exec<{ at: number }>(
      'SELECT at FROM start_times WHERE key = ? ORDER BY at DESC LIMIT 1 OFFSET ?',
      key,
      limit - 1,
    );
    const at = earlier === undefined ? now : Math.max(now, earlier.at + periodMs);
    if (at > now + LIMITS.delayMs) return undefined;
    if (earlier !== undefined)
      this.#sql.exec('DELETE FROM start_times WHERE key = ? AND at < ?', key, earlier.at);
    this.#sql.exec('INSERT INTO start_times VALUES (?, ?, ?)', key, at, at + periodMs);
    return at;
  }
}
