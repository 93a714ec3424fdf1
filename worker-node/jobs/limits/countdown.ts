import { Stopwatch } from '../../broker/consume/stopwatch.ts';

/** A time that passes, whatever happens to the clocks of the machine. */
export class Countdown {
  readonly #since = new Stopwatch();
  readonly #ms: number;

  /** @param ms how long it takes from now */
  constructor(ms: number) {
    this.#ms = ms;
  }

  /** How many whole milliseconds are left; 0 when it is over. */
  get leftMs(): number {
    return Math.max(0, Math.ceil(this.#ms - this.#since.elapsedMs));
  }
}
