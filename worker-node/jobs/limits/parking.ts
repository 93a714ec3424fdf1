/** How many jobs with one key wait in this process, at least and at most. */
const LEAST_OF_KEY = 2;
const MOST_OF_KEY = 16;

/** Bounds the jobs that wait in this process for a limit. They hold no slot, but memory. The others go back to the queue. */
export class Parking {
  readonly #room: number;
  readonly #byTenant = new Map<string, number>();
  #size = 0;

  /** @param room how many jobs may wait here; those of one tenant may take half of it */
  constructor(room: number) {
    this.#room = room;
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Whether one more job may wait here.
   * @param waiting how many jobs with the same key wait here
   * @param limit how many jobs with this key may run, or start within a period
   */
  hasRoom(tenant: string, waiting: number, limit: number): boolean {
    if (waiting >= Math.min(Math.max(limit, LEAST_OF_KEY), MOST_OF_KEY)) return false;
    return this.#size < this.#room && this.#of(tenant) < Math.ceil(this.#room / 2);
  }

  enter(tenant: string): void {
    this.#size++;
    this.#byTenant.set(tenant, this.#of(tenant) + 1);
  }

  leave(tenant: string): void {
    this.#size--;
    const left = this.#of(tenant) - 1;
    if (left > 0) this.#byTenant.set(tenant, left);
    else this.#byTenant.delete(tenant);
  }

  #of(tenant: string): number {
    return this.#byTenant.get(tenant) ?? 0;
  }
}
