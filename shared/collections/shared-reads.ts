import { TenantTurns } from './tenant-turns.ts';

/** How many reads of a kind a tenant may have under way at a time. */
const PER_TENANT = 4;

/**
 * Reads that callers share. Callers who ask for the same thing get the same read, if it has not begun yet. So nobody gets an
 * answer that is older than the question. Each tenant has a few reads under way at a time, and its other reads wait. So many
 * requests for one large thing need the memory of a few.
 */
export class SharedReads<T> {
  readonly #turns: TenantTurns;
  /** The reads that have not begun. */
  readonly #next = new Map<string, Promise<T>>();

  /** @param perTenant the most reads of a tenant that are under way at the same time */
  constructor(perTenant = PER_TENANT) {
    this.#turns = new TenantTurns(perTenant);
  }

  /**
   * Joins a read that has not begun, or adds one.
   * @param what names what is read, for this tenant
   * @throws what `read` throws
   */
  read(tenant: string, what: string, read: () => Promise<T>): Promise<T> {
    const key = `${tenant} ${what}`;
    const next = this.#next.get(key);
    if (next !== undefined) return next;
    const added = this.#turns.take(tenant, 1, () => {
      this.#next.delete(key);
      return read();
    });
    this.#next.set(key, added);
    return added;
  }
}
