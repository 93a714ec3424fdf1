import { ThroughlineError } from '../../shared/errors.ts';

const RETRY_SECONDS = 5;

/**
 * Counts the event streams that each tenant has open through this bridge. A rate limit does not bound their
 * number: a stream lives as long as its reader wants, and holds a page of events for a reader that does not read.
 */
export class StreamPlaces {
  readonly #limit: number;
  readonly #taken = new Map<string, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Takes a place for a tenant.
   * @returns a function that gives it back; safe to call twice
   * @throws ThroughlineError `too-many-streams`
   */
  take(tenant: string): () => void {
    const taken = this.#taken.get(tenant) ?? 0;
    if (taken >= this.#limit) {
      throw new ThroughlineError(
        'too-many-streams',
        `${taken} event streams of this tenant are open, as many as may be; close one, or read /events as JSON`,
        { retryAfterSeconds: RETRY_SECONDS },
      );
    }
    this.#taken.set(tenant, taken + 1);
    let given = false;
    return () => {
      if (given) return;
      given = true;
      this.#giveBack(tenant);
    };
  }

  #giveBack(tenant: string): void {
    const left = (this.#taken.get(tenant) ?? 0) - 1;
    if (left > 0) this.#taken.set(tenant, left);
    else this.#taken.delete(tenant);
  }
}
