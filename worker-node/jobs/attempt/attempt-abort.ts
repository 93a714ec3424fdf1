import { type Context, context, ROOT_CONTEXT } from '@opentelemetry/api';
import type { ThroughlineError } from '../../../shared/errors.ts';

/**
 * Ends an attempt early. The reason of the signal is a ThroughlineError that says why: `job-cancelled`,
 * `worker-stopping`, `attempt-superseded`, `operation-timeout` or `operation-failed`. The operation gets this signal.
 */
export class AttemptAbort {
  readonly #aborted = Promise.withResolvers<never>();
  #controller: AbortController | undefined;
  #reason: ThroughlineError | undefined;
  #isClosed = false;
  #context: Context = ROOT_CONTEXT;

  constructor() {
    // Most attempts end without it, and nobody handles it then.
    this.#aborted.promise.catch(() => undefined);
  }

  /** The signal is made when it is first read: most operations never read it, and it costs more than the rest. */
  get signal(): AbortSignal {
    this.#controller ??= this.#makeController();
    return this.#controller.signal;
  }

  /** Whether the attempt was ended early. */
  get aborted(): boolean {
    return this.#reason !== undefined;
  }

  /** Why the attempt was ended early; undefined if it was not. */
  get reason(): ThroughlineError | undefined {
    return this.#reason;
  }

  /** Rejects with the reason, after the listeners of the signal were called. */
  get whenAborted(): Promise<never> {
    return this.#aborted.promise;
  }

  /** Sets the context in which the listeners of the signal are called, whoever aborts. They are the operation's code. */
  callIn(context: Context): void {
    this.#context = context;
  }

  /** Aborts the signal. The first reason stays. */
  abort(reason: ThroughlineError): void {
    if (this.#isClosed || this.#reason !== undefined) return;
    this.#reason = reason;
    context.with(this.#context, () => this.#controller?.abort(reason));
    this.#aborted.reject(reason);
  }

  /** The operation has returned. An operation may leave listeners on the signal, and they must not be called now. */
  close(): void {
    this.#isClosed = true;
  }

  #makeController(): AbortController {
    const controller = new AbortController();
    if (this.#reason !== undefined) controller.abort(this.#reason);
    return controller;
  }
}
