import type { Losses } from './losses.ts';

/** Counts what waits for its export, and refuses what is beyond the limit. */
export class Waiting {
  readonly #losses: Losses;
  readonly #max: number;
  readonly #cause: string;

  /** @param max the limit of the processor @param cause which limit that is */
  constructor(losses: Losses, max: number, cause: string) {
    this.#losses = losses;
    this.#max = max;
    this.#cause = cause;
    losses.exports.waiting = 0;
    losses.exports.capacity = max;
  }

  /** Whether there is room for one more. If not, it is lost. */
  admit(): boolean {
    const { exports } = this.#losses;
    const count = exports.waiting ?? 0;
    if (count < this.#max) {
      exports.waiting = count + 1;
      return true;
    }
    this.#losses.add('queueFull', 1, this.#cause);
    return false;
  }

  /** Some have left the processor. */
  readonly left = (count: number): void => {
    const { exports } = this.#losses;
    exports.waiting = (exports.waiting ?? 0) - count;
  };
}
