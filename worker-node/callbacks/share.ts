/** The soonest that a callback comes back for which there is no slot now. */
const SOONEST_MS = 500;
const LATEST_MS = 5 * 60_000;
/** How long a delivery is expected to take before one was seen. */
const EXPECTED_MS = 200;
/** How much of the expectation comes from the latest delivery. */
const LATEST_WEIGHT = 0.2;

/** The deliveries of a tenant, or those of a tenant to one receiver: what is under way, and when the next has its turn. */
export class Share {
  /** How many deliveries are under way. */
  running = 0;
  /** How many deliveries wait in this process for a slot. */
  waiting = 0;
  #tookMs = EXPECTED_MS;
  #nextAt = 0;

  get isIdle(): boolean {
    return this.running === 0 && this.waiting === 0;
  }

  /** Takes how long a delivery took. */
  took(ms: number): void {
    this.#tookMs += (ms - this.#tookMs) * LATEST_WEIGHT;
  }

  /**
   * After how many milliseconds another callback should come back. Callbacks that are sent away one after the other come
   * back one after the other, as fast as so many slots can take them. Those that would come back later than five minutes from
   * now come back at any time in the second half of them, and are sent away again.
   * @param random a number from 0 (inclusive) to 1 (exclusive)
   */
  appointment(now: number, slots: number, random: number): number {
    const next = Math.max(this.#nextAt, now + SOONEST_MS) + this.#tookMs / slots;
    if (next - now > LATEST_MS) return Math.ceil((LATEST_MS * (1 + random)) / 2);
    this.#nextAt = next;
    return Math.ceil(next - now);
  }
}
