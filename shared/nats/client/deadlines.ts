import { RenewedMap } from '../../memory/renewed-map.ts';
import { startTimer, type Timer } from '../../timers.ts';

/** Deadlines of one length, with one timer for all: those that were added first come first. */
export class Deadlines {
  readonly #ms: number;
  readonly #waiting = new RenewedMap<object, { readonly at: number; readonly late: () => void }>();
  #timer: Timer | undefined;

  /** @param ms how long each of them is, in milliseconds */
  constructor(ms: number) {
    this.#ms = ms;
  }

  /** Calls `late` when the time is over, unless `key` is deleted before. */
  add(key: object, late: () => void): void {
    this.#waiting.set(key, { at: performance.now() + this.#ms, late });
    this.#timer ??= startTimer(this.#ms, () => this.#look());
  }

  /** Ends a deadline. Does nothing if there is none. */
  delete(key: object): void {
    this.#waiting.delete(key);
  }

  /** Calls those whose time is over. The map has the oldest ones first. */
  #look(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const { at, late } of this.#waiting.values()) {
      if (at > now) {
        this.#wait(at - now);
        return;
      }
      late();
    }
  }

  /** What was just called may have added a deadline, which started a timer. */
  #wait(ms: number): void {
    this.#timer?.stop();
    this.#timer = startTimer(ms, () => this.#look());
  }
}
