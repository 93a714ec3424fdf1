import type { Progress } from '../../shared/job/job.ts';

const INTERVAL_MS = 250;

/**
 * Passes on at most one report per interval: the first at once, and when the interval is over the last that came
 * meanwhile, so that the last of a burst is not lost. After {@link stop} it passes nothing on.
 */
export class ProgressThrottle {
  readonly #send: (progress: Progress) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waiting: Progress | undefined;
  #stopped = false;

  constructor(send: (progress: Progress) => void) {
    this.#send = send;
  }

  report(progress: Progress): void {
    if (this.#stopped) return;
    if (this.#timer === undefined) this.#pass(progress);
    else this.#waiting = progress;
  }

  /** The attempt has ended, and its end says more than what it last reported. */
  stop(): void {
    this.#stopped = true;
    this.#waiting = undefined;
    clearTimeout(this.#timer);
  }

  #pass(progress: Progress): void {
    this.#timer = setTimeout(() => {
      const last = this.#waiting;
      this.#timer = undefined;
      this.#waiting = undefined;
      if (last !== undefined) this.#pass(last);
    }, INTERVAL_MS);
    this.#send(progress);
  }
}
