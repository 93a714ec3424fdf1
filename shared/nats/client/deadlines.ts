import { RenewedMap } from '../../memory/renewed-map.ts';
import { startTimer, type Timer } from '../../timers.ts';

/** Calls what has been waiting for too long. One timer is enough, since all wait equally long. */
export class Deadlines {
  readonly #ms: number;
  readonly #waiting = new RenewedMap<object, { readonly at: number; readonly late: () => void }>();
  #timer: Timer | undefined;

  constructor(ms: number) {
    this.#ms = ms;
  }

  add(key: object, late: () => void): void {
    this.#waiting.set(key, { at: performance.now() + this.#ms, late });
    this.#timer ??= startTimer(this.#ms, () => this.#look());
  }

  delete(key: object): void {
    this.#waiting.delete(key);
  }

  /** The oldest ones come first. */
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

  /** What was just called may have added itself again, which starts a timer. */
  #wait(ms: number): void {
    this.#timer?.stop();
    this.#timer = startTimer(ms, () => this.#look());
  }
}
