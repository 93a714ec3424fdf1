import { startTimer, type Timer } from '../../../shared/timers.ts';

/** Notices that a host has been full for some time. Its timer outlives the free moments between: they may come a thousand times a second. */
export class FullWatch {
  readonly #afterMs: number;
  readonly #onFull: () => void;
  #since: number | undefined;
  #timer: Timer | undefined;

  /** @param onFull is called once each time that the host has been full for `afterMs` */
  constructor(afterMs: number, onFull: () => void) {
    this.#afterMs = afterMs;
    this.#onFull = onFull;
  }

  /** Says whether the host is full now. */
  note(isFull: boolean): void {
    if (!isFull) this.#since = undefined;
    else if (this.#since === undefined) {
      this.#since = performance.now();
      this.#timer ??= startTimer(this.#afterMs, () => this.#look());
    }
  }

  stop(): void {
    this.#since = undefined;
    this.#timer?.stop();
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#since === undefined) return;
    const leftMs = this.#since + this.#afterMs - performance.now();
    if (leftMs > 0) this.#timer = startTimer(leftMs, () => this.#look());
    else this.#onFull();
  }
}
