import { KeyCounts } from '../../shared/collections/key-counts.ts';
import { ThroughlineError } from '../../shared/errors.ts';

const RETRY_SECONDS = 5;

/**
 * Counts the requests of each tenant that wait for the end of a job in this bridge (`Prefer: wait`). Each holds a request
 * and a subscription for up to a minute, so a rate limit does not bound their number.
 */
export class OpenWaits {
  readonly #open = new KeyCounts();

  /** How many requests of each tenant wait now; tenants without one are not there. */
  get byTenant(): ReadonlyMap<string, number> {
    return this.#open.all;
  }

  /**
   * Does the work of a request, which counts as a wait if `waitMs` is not 0.
   * @param limit how many requests of the tenant may wait at the same time
   * @throws ThroughlineError `too-many-waits`; then nothing was done. And what `work` throws
   */
  during<T>(
    { tenant, waitMs }: { readonly tenant: string; readonly waitMs: number },
    limit: number,
    work: () => Promise<T>,
  ): Promise<T> {
    return waitMs === 0 ? work() : this.#wait(tenant, limit, work);
  }

  async #wait<T>(tenant: string, limit: number, work: () => Promise<T>): Promise<T> {
    this.#enter(tenant, limit);
    try {
      return await work();
    } finally {
      this.#open.remove(tenant);
    }
  }

  #enter(tenant: string, limit: number): void {
    const open = this.#open.of(tenant);
    if (open >= limit) {
      const message = `the tenant has ${open} requests that wait for the end of a job, and may have no more; send this one without Prefer: wait, or later`;
      const quota = { name: 'waits', limit } as const;
      throw new ThroughlineError('too-many-waits', message, { quota, retryAfterSeconds: RETRY_SECONDS });
    }
    this.#open.add(tenant);
  }
}
