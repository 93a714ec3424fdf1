import { RecentMap } from './recent-map.ts';

const MAX_KEYS = 10_000;

/** A bucket holds `capacity` tokens, and is full again `periodMs` after it was empty. */
interface BucketSize {
  readonly capacity: number;
  readonly periodMs: number;
}

/**
 * A token bucket for each key, such as an address or a tenant. The memory is bounded: if there are more than 10,000 keys, the
 * key that was used the longest time ago is forgotten, and has a full bucket again.
 */
export class TokenBuckets {
  /** When the bucket of each key will be full, in epoch milliseconds. */
  readonly #fullAt = new RecentMap<string, number>();

  /**
   * Takes tokens of a key: all that are asked for, or none.
   * @param now epoch milliseconds
   * @param size the size of the key's bucket; it may change from call to call
   * @param tokens how many, at most as many as the bucket holds
   * @returns 0 if the tokens were taken; otherwise the milliseconds until the bucket has so many
   */
  take(key: string, now: number, { capacity, periodMs }: BucketSize, tokens = 1): number {
    const known = this.#fullAt.get(key) ?? now;
    // Each bucket is full after its period. If this one is not after two, the clock was set back. One period is no sign of that: in
    // a Worker, the clock of each request stands still between its I/O, so one may be behind another.
    const from = known - now > 2 * periodMs ? now : Math.max(now, known);
    const fullAt = from + (tokens * periodMs) / capacity;
    const waitMs = fullAt - now - periodMs;
    // Less than half a millisecond is a rounding error of the division.
    if (waitMs > 0.5) return waitMs;
    this.#fullAt.use(key, fullAt);
    if (this.#fullAt.size > MAX_KEYS) this.#fullAt.deleteOldest();
    return 0;
  }
}
