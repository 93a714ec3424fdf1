/** How many reads of a kind a tenant may have under way at a time. */
const PER_TENANT = 4;

interface Turns {
  underWay: number;
  readonly waiting: (() => void)[];
}

/**
 * Reads that callers share. Callers who ask for the same thing get the same read, if it has not begun yet. So nobody gets an
 * answer that is older than the question. Each tenant has a few reads under way at a time, and its other reads wait. So many
 * requests for one large thing need the memory of a few.
 */
export class SharedReads<T> {
  readonly #perTenant: number;
  readonly #turns = new Map<string, Turns>();
  /** The reads that have not begun. */
  readonly #next = new Map<string, Promise<T>>();

  /** @param perTenant the most reads of a tenant that are under way at the same time */
  constructor(perTenant = PER_TENANT) {
    this.#perTenant = perTenant;
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
    const added = this.#inTurn(tenant, () => {
      this.#next.delete(key);
      return read();
    });
    this.#next.set(key, added);
    return added;
  }

  async #inTurn(tenant: string, read: () => Promise<T>): Promise<T> {
    const turns = this.#turns.get(tenant) ?? { underWay: 0, waiting: [] };
    this.#turns.set(tenant, turns);
    const turn = Promise.withResolvers<void>();
    if (turns.underWay < this.#perTenant) {
      turns.underWay++;
      turn.resolve();
    } else {
      turns.waiting.push(turn.resolve);
    }
    await turn.promise;
    try {
      return await read();
    } finally {
      const next = turns.waiting.shift();
      if (next !== undefined) next();
      else if (--turns.underWay === 0) this.#turns.delete(tenant);
    }
  }
}
