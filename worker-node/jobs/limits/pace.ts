import { equalJitter } from '../../../shared/backoff.ts';

/** How long a message that is handed back stays away, at least and at most. */
const LEAST_MS = 100;
const MOST_MS = 5 * 60_000;
const SHORTEST_MS = 10;
/** The pause between two starts before anything is known about a key. */
const FIRST_MS = 250;
/** How much the newest pause between two starts counts. */
const NEWEST = 0.2;

/**
 * When the jobs of a key that are handed back come again: one after the other, as fast as jobs of this key start here. So a
 * long backlog costs hardly more deliveries than it has starts. `now` is milliseconds on a clock that never goes back.
 */
export class Pace {
  readonly #fixedMs: number | undefined;
  readonly #longestMs: () => number;
  readonly #random: () => number;
  #betweenMs = FIRST_MS;
  #lastStart: number | undefined;
  #nextTurn = 0;

  /**
   * @param rate the limit of starts, if it alone decides how fast jobs start
   * @param longestMs how far apart two turns may be now
   */
  constructor(
    rate: { readonly limit: number; readonly periodMs: number } | undefined,
    longestMs: () => number,
    random: () => number,
  ) {
    this.#longestMs = longestMs;
    this.#fixedMs = rate === undefined ? undefined : rate.periodMs / rate.limit;
    this.#random = random;
  }

  /** Whether a turn that was given is still to come. */
  isAhead(now: number): boolean {
    return this.#nextTurn > now;
  }

  /** Notes that a job started. */
  start(now: number): void {
    if (this.#lastStart !== undefined) this.#betweenMs += NEWEST * (now - this.#lastStart - this.#betweenMs);
    this.#lastStart = now;
  }

  /**
   * Gives the next turn to a message that is handed back.
   * @param inMs how long it stays away at least
   * @returns how long it stays away, in milliseconds
   */
  turn(now: number, inMs: number): number {
    const turn = Math.max(this.#nextTurn, now + inMs, now + LEAST_MS);
    this.#nextTurn = Math.min(turn + this.#between(now), now + MOST_MS);
    const delayMs = turn - now;
    // Those that would wait for longer look again from time to time: the limit may have been changed.
    return Math.ceil(delayMs < MOST_MS ? delayMs : equalJitter(MOST_MS, this.#random()));
  }

  #between(now: number): number {
    if (this.#fixedMs !== undefined) return this.#fixedMs;
    // While the jobs that run take longer than those before, turns are further apart.
    const sinceMs = this.#lastStart === undefined ? 0 : now - this.#lastStart;
    return Math.min(Math.max(this.#betweenMs, sinceMs, SHORTEST_MS), this.#longestMs());
  }
}
