interface Turns {
  /** What the work under way takes. */
  taken: number;
  /** The work that waits, the oldest first. */
  readonly waiting: { readonly size: number; readonly begin: () => void }[];
}

/** Bounds the work that each tenant has under way at a time. Its other work waits, and that of other tenants does not wait for it. */
export class TenantTurns {
  readonly #room: number;
  readonly #turns = new Map<string, Turns>();

  /** @param room how much the work of one tenant may take at a time, in any unit */
  constructor(room: number) {
    this.#room = room;
  }

  /**
   * Does work of a tenant when there is room for it, never before this call has returned.
   * @param size how much room it takes, a whole number. Work that needs more than all room is done alone
   * @throws what `work` throws
   */
  async take<T>(tenant: string, size: number, work: () => Promise<T>): Promise<T> {
    const turns = this.#turns.get(tenant) ?? { taken: 0, waiting: [] };
    this.#turns.set(tenant, turns);
    const turn = Promise.withResolvers<void>();
    turns.waiting.push({ size, begin: turn.resolve });
    this.#begin(turns);
    await turn.promise;
    try {
      return await work();
    } finally {
      turns.taken -= size;
      this.#begin(turns);
      if (turns.taken === 0) this.#turns.delete(tenant);
    }
  }

  #begin(turns: Turns): void {
    for (let [next] = turns.waiting; next !== undefined; [next] = turns.waiting) {
      if (turns.taken > 0 && turns.taken + next.size > this.#room) return;
      turns.taken += next.size;
      turns.waiting.shift();
      next.begin();
    }
  }
}
