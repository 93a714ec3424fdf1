import { equalJitter } from '../../shared/backoff.ts';

/** A callback without a slot comes back after this time at the soonest. */
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
   * Gives the next turn to a callback without a slot. Callbacks that are sent away one after the other come back one after the
   * other, as fast as the slots can take them. One whose turn is more than five minutes away comes back at a random time in the
   * second half of the next five minutes, and is sent away again.
   * @param random a number from 0 (inclusive) to 1 (exclusive)
   * @returns after how many milliseconds it should come back
   */
  appointment(now: number, slots: number, random: number): number {
    const next = Math.max(this.#nextAt, now + SOONEST_MS) + this.#tookMs / slots;
    if (next - now > LATEST_MS) return Math.ceil(equalJitter(LATEST_MS, random));
    this.#nextAt = next;
    return Math.ceil(next - now);
  }
}
