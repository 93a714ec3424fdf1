import { type Context, context, ROOT_CONTEXT } from '@opentelemetry/api';
import type { ThroughlineError } from '../../../shared/errors.ts';

/**
 * Ends an attempt early. The reason of the signal is a ThroughlineError that says why: `job-cancelled`,
 * `worker-stopping`, `attempt-superseded`, `operation-timeout` or `operation-failed`. The operation gets this signal.
 */
export class AttemptAbort {
  readonly #controller = new AbortController();
  #isClosed = false;
  #context: Context = ROOT_CONTEXT;

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The listeners of the signal are called in this context, whoever aborts. They are the operation's code. */
  callIn(context: Context): void {
    this.#context = context;
  }

  /** Aborts the signal. The first reason stays. */
  abort(reason: ThroughlineError): void {
    if (!this.#isClosed) context.with(this.#context, () => this.#controller.abort(reason));
  }

  /** The operation has returned. An operation may leave listeners on the signal, and they must not be called now. */
  close(): void {
    this.#isClosed = true;
  }
}
