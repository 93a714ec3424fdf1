import type { Losses } from './losses.ts';

/** Counts what waits in a processor of the SDK, which drops in silence what is beyond its limit. */
export class Waiting {
  readonly #losses: Losses;
  readonly #max: number;
  readonly #cause: string;
  #count = 0;

  /** @param max the limit of the processor @param cause which limit that is */
  constructor(losses: Losses, max: number, cause: string) {
    this.#losses = losses;
    this.#max = max;
    this.#cause = cause;
  }

  /** Whether there is room for one more. If not, it is lost. */
  admit(): boolean {
    if (this.#count < this.#max) {
      this.#count++;
      return true;
    }
    this.#losses.add('queueFull', 1, this.#cause);
    return false;
  }

  /** Some have left the processor. */
  readonly left = (count: number): void => {
    this.#count -= count;
  };
}
