import { isLimited, OperationAnnouncement } from '../../shared/api/operation.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import { KnownOperations } from './known-operations.ts';

const SCHEMA = 'CREATE TABLE IF NOT EXISTS operations (name TEXT PRIMARY KEY, announcement TEXT NOT NULL)';

/** The operations that were announced when NATS last answered. Jobs are checked by them while NATS is away. */
export class SavedOperations {
  readonly #sql: Pick<SqlStorage, 'exec'>;
  readonly #texts = new Map<string, string>();
  readonly #known = new KnownOperations();

  constructor(sql: Pick<SqlStorage, 'exec'>) {
    this.#sql = sql;
    sql.exec(SCHEMA);
    const rows = sql.exec<{ name: string; announcement: string }>(
      'SELECT name, announcement FROM operations',
    );
    for (const { name, announcement } of rows) {
      this.#texts.set(name, announcement);
      this.#known.put(OperationAnnouncement.parse(JSON.parse(announcement)));
    }
  }

  /** Replaces the saved operations. Only changed ones are written. */
  save(all: readonly OperationAnnouncement[]): void {
    const names = new Set(all.map(({ name }) => name));
    for (const name of [...this.#texts.keys()]) {
      if (names.has(name)) continue;
      this.#texts.delete(name);
      this.#known.delete(name);
      this.#sql.exec('DELETE FROM operations WHERE name = ?', name);
    }
    for (const announcement of all) {
      const text = JSON.stringify(announcement);
      if (this.#texts.get(announcement.name) === text) continue;
      this.#texts.set(announcement.name, text);
      this.#known.put(announcement);
      this.#sql.exec(
        'INSERT OR REPLACE INTO operations (name, announcement) VALUES (?, ?)',
        announcement.name,
        text,
      );
    }
  }

  /** Whether an operation is known to have a limit by key. */
  isLimited(name: string): boolean {
    return this.#known.has(name) && isLimited(this.#known.find(name));
  }

  /**
   * The announcement of the operation `name`.
   * @throws ThroughlineError `broker-unavailable` for a name that is not saved: a worker may have
   *   announced it since, and a job that nobody can run must not be accepted
   */
  find(name: string): OperationAnnouncement {
    if (this.#known.has(name)) return this.#known.find(name);
    throw new ThroughlineError(
      'broker-unavailable',
      `the message broker cannot be reached in time, and ${name} was not announced when it last was`,
      { retryAfterSeconds: 5 },
    );
  }
}
