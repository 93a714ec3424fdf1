import type { ThroughlineError } from '../../../shared/errors.ts';

/**
 * Ends an attempt early. The reason of the signal is a ThroughlineError that says why: `job-cancelled`,
 * `worker-stopping`, `attempt-superseded` or `operation-timeout`. The operation gets this signal.
 */
export class AttemptAbort {
  readonly #controller = new AbortController();
  #isClosed = false;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Aborts the signal. The first reason stays. */
  abort(reason: ThroughlineError): void {
    if (!this.#isClosed) this.#controller.abort(reason);
  }

  /** The operation has returned. An operation may leave listeners on the signal, and they must not be called now. */
  close(): void {
    this.#isClosed = true;
  }
}
