import { startTimer, type Timer } from '../../shared/timers.ts';
import { block } from './block.ts';

/** How long a line may wait for others. */
const WAIT_MS = 5;

/** How long the end of the process waits for a write that may be under way. */
const WRITE_MS = 20;

/** Where lines are written. */
interface Output {
  write(lines: string): unknown;
  /** Writes what waits, and the last lines, before it returns. */
  flushSync(last: string): void;
}

/**
 * Writes lines a few milliseconds later, together with those that follow. A line after a pause is written at once. Each write wakes another
 * thread and then this one: for a worker with one job at a time, that was a sixth of the processor time of a job.
 */
export class BatchedLines {
  readonly #output: Output;
  #waiting = '';
  #timer: Timer | undefined;

  /** @param output gets the waiting lines too when the process ends, unless it is killed */
  constructor(output: Output) {
    this.#output = output;
    process.on('exit', () => {
      // Another thread does it, and `flushSync` does not wait for that thread: later lines would come first.
      if (this.#timer !== undefined) block(WRITE_MS);
      output.flushSync(this.#waiting);
      this.#waiting = '';
    });
  }

  write(line: string): void {
    this.#waiting += line;
    if (this.#timer === undefined) this.#writeWaiting();
  }

  #writeWaiting(): void {
    this.#timer = undefined;
    if (this.#waiting === '') return;
    const lines = this.#waiting;
    this.#waiting = '';
    this.#timer = startTimer(WAIT_MS, () => this.#writeWaiting());
    this.#output.write(lines);
  }
}
