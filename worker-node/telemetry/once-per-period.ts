import { startTimer, type Timer } from '../../shared/timers.ts';

/** Does something at most once in a period: the first time at once, and whatever comes within the period together at its end. */
export class OncePerPeriod {
  readonly #periodMs: number;
  readonly #act: () => void;
  #isDue = false;
  #timer: Timer | undefined;

  constructor(periodMs: number, act: () => void) {
    this.#periodMs = periodMs;
    this.#act = act;
  }

  /** Whether the period since the last time is not over. */
  get isOpen(): boolean {
    return this.#timer !== undefined;
  }

  /** Does it now, or at the end of the period. */
  due(): void {
    this.#isDue = true;
    if (this.#timer === undefined) this.#begin();
  }

  /** Does it now if it is due, and ends the period. */
  stop(): void {
    this.#timer?.stop();
    this.#timer = undefined;
    if (this.#isDue) this.#do();
  }

  #begin(): void {
    this.#do();
    this.#timer = startTimer(this.#periodMs, () => {
      this.#timer = undefined;
      if (this.#isDue) this.#begin();
    });
  }

  #do(): void {
    this.#isDue = false;
    this.#act();
  }
}
