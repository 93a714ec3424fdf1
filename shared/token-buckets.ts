const MAX_KEYS = 10_000;

/**
 * A token bucket for each key, such as an address or a tenant. A bucket holds `capacity` tokens, and is full again
 * `periodMs` after it was empty. The memory is bounded: of more than 10,000 keys, the one that was used the longest time
 * ago is forgotten, and has a full bucket again.
 */
export class TokenBuckets {
  readonly #capacity: number;
  readonly #periodMs: number;
  /** When the bucket of each key will be full, in epoch milliseconds; the key that was used last is the last one. */
  readonly #fullAt = new Map<string, number>();

  constructor(capacity: number, periodMs: number) {
    this.#capacity = capacity;
    this.#periodMs = periodMs;
  }

  /**
   * Takes a token of a key.
   * @param now epoch milliseconds
   * @returns 0 if there was one; otherwise in how many milliseconds there will be one
   */
  take(key: string, now: number): number {
    const known = this.#fullAt.get(key);
    const fullAt = Math.max(now, known ?? now) + this.#periodMs / this.#capacity;
    const waitMs = fullAt - now - this.#periodMs;
    // Half a millisecond is an error of the division.
    if (waitMs > 0.5) return waitMs;
    this.#fullAt.delete(key);
    if (this.#fullAt.size >= MAX_KEYS) this.#forgetOldest();
    this.#fullAt.set(key, fullAt);
    return 0;
  }

  #forgetOldest(): void {
    for (const key of this.#fullAt.keys()) {
      this.#fullAt.delete(key);
      return;
    }
  }
}
