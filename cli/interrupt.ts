import { CliError } from './cli-error.ts';
import { EXIT } from './exit-code.ts';

/** What does not end by itself after Ctrl-C is left behind after this time. */
const PATIENCE_MS = 1_000;

/** Ctrl-C as an AbortSignal: the first lets the command end in order, quickly; the second ends it at once. */
export class Interrupt {
  readonly #controller = new AbortController();
  readonly #onSignal = (): void => {
    if (this.#controller.signal.aborted) process.exit(EXIT.interrupted.code);
    this.#controller.abort(new CliError('interrupted', 'interrupted'));
    setTimeout(() => process.exit(EXIT.interrupted.code), PATIENCE_MS).unref();
  };

  constructor() {
    process.on('SIGINT', this.#onSignal);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Gives Ctrl-C back to whoever had it. */
  dispose(): void {
    process.off('SIGINT', this.#onSignal);
  }
}
