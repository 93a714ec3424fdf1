import type { Progress } from '../../shared/job.ts';

const INTERVAL_MS = 250;

/** Passes on at most one report per interval; what comes in between is old news by the next one. */
export class ProgressThrottle {
  readonly #send: (progress: Progress) => void;
  #last = Number.NEGATIVE_INFINITY;

  constructor(send: (progress: Progress) => void) {
    this.#send = send;
  }

  report(progress: Progress): void {
    const now = performance.now();
    if (now - this.#last < INTERVAL_MS) return;
    this.#last = now;
    this.#send(progress);
  }
}
