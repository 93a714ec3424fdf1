import { SAME_SIGNAL_MS } from '../shared/processes/stop-signal.ts';
import { CliError } from './cli-error.ts';
import { EXIT } from './exit-code.ts';

/** Ctrl-C, and what a timeout, a pipeline or a service manager sends. */
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** After such a signal, a command gets this long to end by itself. */
const GRACE_MS = 5_000;

/**
 * Turns Ctrl-C and SIGTERM into an AbortSignal. The first one aborts the signal, so that the command ends in order; one that comes
 * more than a second later, or the end of the grace period, ends the process.
 */
export class Interrupt {
  readonly #controller = new AbortController();
  readonly #onLate: (error: CliError) => void;
  #isHandedOver = false;
  #abortedAt = 0;
  readonly #onSignal = (name: NodeJS.Signals): void => {
    if (this.#isHandedOver && name === 'SIGINT') return;
    const { aborted } = this.#controller.signal;
    if (aborted && performance.now() - this.#abortedAt < SAME_SIGNAL_MS) return;
    const isTerm = name === 'SIGTERM';
    const { code } = isTerm ? EXIT.terminated : EXIT.interrupted;
    if (aborted) process.exit(code);
    this.#abortedAt = performance.now();
    const error = isTerm
      ? new CliError('terminated', 'ended by SIGTERM')
      : new CliError('interrupted', 'interrupted');
    this.#controller.abort(error);
    setTimeout(() => {
      this.#onLate(error);
      process.exit(code);
    }, GRACE_MS).unref();
  };

  /** @param onLate says why the process ends, if the command has not ended by itself in time */
  constructor(onLate: (error: CliError) => void) {
    this.#onLate = onLate;
    for (const name of SIGNALS) process.on(name, this.#onSignal);
  }

  /** Aborts at the first signal, with the error that ends the command. */
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

  /** Stops listening. */
  dispose(): void {
    for (const name of SIGNALS) process.off(name, this.#onSignal);
  }
}
