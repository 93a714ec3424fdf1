import { backoffCeiling, equalJitter } from '../../shared/backoff.ts';

/** How many callbacks may be under way to a receiver that has not answered yet. Each answer adds one. */
const FIRST_SLOTS = 2;
/** How many deliveries in a row may get no answer before the receiver is paused. */
const MAX_SILENCES = 3;
const PAUSE = { firstMs: 5_000, maxMs: 5 * 60_000 };

/** What came of a delivery: the receiver answered, whatever it said, or it did not, or nothing was sent. */
export type Reply = 'answered' | 'silent' | 'unsent';

/** How a receiver has behaved lately. */
export class ReceiverHealth {
  #answers = 0;
  #silences = 0;
  #pausedUntil = 0;

  /** How many callbacks may be under way to this receiver: one as a trial after a pause. */
  get slots(): number {
    return this.#silences >= MAX_SILENCES ? 1 : FIRST_SLOTS + this.#answers;
  }

  /** Whether the receiver answered the last delivery of which that is known. */
  get isProven(): boolean {
    return this.#answers > 0;
  }

  /** For how many milliseconds nothing is sent to this receiver; 0: it is not paused. */
  pausedMs(now: number): number {
    return Math.max(0, this.#pausedUntil - now);
  }

  /**
   * Takes what came of a delivery. The pauses double while the receiver stays silent.
   * @param random a number from 0 (inclusive) to 1 (exclusive)
   * @returns the pause in milliseconds that begins now; 0: none begins
   */
  record(reply: Reply, now: number, random: number): number {
    if (reply === 'unsent') return 0;
    if (reply === 'answered') {
      this.#answers++;
      this.#silences = 0;
      this.#pausedUntil = 0;
      return 0;
    }
    this.#answers = 0;
    // A delivery that began before the pause does not make it longer.
    if (this.pausedMs(now) > 0) return 0;
    this.#silences++;
    if (this.#silences < MAX_SILENCES) return 0;
    const longestMs = backoffCeiling(this.#silences - MAX_SILENCES + 1, PAUSE);
    const pauseMs = Math.round(equalJitter(longestMs, random));
    this.#pausedUntil = now + pauseMs;
    return pauseMs;
  }
}
