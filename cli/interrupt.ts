import { CliError } from './cli-error.ts';
import { EXIT } from './exit-code.ts';

/** After Ctrl-C, a command gets this long to end by itself. */
const GRACE_MS = 1_000;

/**
 * Turns Ctrl-C into an AbortSignal. The first Ctrl-C aborts the signal, so that the command ends in order; the second
 * one, or the end of the grace period, ends the process.
 */
export class Interrupt {
  readonly #controller = new AbortController();
  #isHandedOver = false;
  readonly #onSignal = (): void => {
    if (this.#isHandedOver) return;
    if (this.#controller.signal.aborted) process.exit(EXIT.interrupted.code);
    this.#controller.abort(new CliError('interrupted', 'interrupted'));
    setTimeout(() => process.exit(EXIT.interrupted.code), GRACE_MS).unref();
  };

  constructor() {
    process.on('SIGINT', this.#onSignal);
  }

  /** Aborts at the first Ctrl-C, with the error that ends the command. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Runs `work` in another program that has the terminal, such as an editor. Meanwhile Ctrl-C is for that program. */
  async handOver<T>(work: () => Promise<T>): Promise<T> {
    this.#isHandedOver = true;
    try {
      return await work();
    } finally {
      this.#isHandedOver = false;
    }
  }

  /** Stops listening for Ctrl-C. */
  dispose(): void {
    process.off('SIGINT', this.#onSignal);
  }
}
