import { context } from '@opentelemetry/api';
import type { Progress } from '../../../shared/job/attempt-report.ts';
import { type Attempt, eventOf } from './attempt.ts';
import type { EventChain } from './event-chain.ts';

const INTERVAL_MS = 250;

/**
 * Writes the progress of one attempt to the job's event chain, at most once per interval. The first report is written
 * immediately. If more reports come within the interval, the last one is written when the interval ends.
 */
export class ProgressReporter {
  readonly #chain: Pick<EventChain, 'recordProgress'>;
  readonly #attempt: Attempt;
  readonly #worker: string;
  /** The attempt's span is active in this context. A report may come from inside a span of the operation. */
  readonly #context = context.active();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #waiting: Progress | undefined;
  #stopped = false;

  constructor(chain: Pick<EventChain, 'recordProgress'>, attempt: Attempt, worker: string) {
    this.#chain = chain;
    this.#attempt = attempt;
    this.#worker = worker;
  }

  report(progress: Progress): void {
    if (this.#stopped) return;
    if (this.#timer === undefined) this.#write(progress);
    else this.#waiting = progress;
  }

  /**
   * Ends the reporting, because the attempt has ended. Later reports are ignored: an operation may run on although it
   * was aborted.
   */
  stop(): void {
    this.#stopped = true;
    this.#waiting = undefined;
    clearTimeout(this.#timer);
  }

  #write(progress: Progress): void {
    this.#timer = setTimeout(() => {
      const last = this.#waiting;
      this.#timer = undefined;
      this.#waiting = undefined;
      if (last !== undefined) this.#write(last);
    }, INTERVAL_MS);
    context.with(this.#context, () =>
      this.#chain.recordProgress(eventOf(this.#attempt, 'progress', this.#worker, { progress })),
    );
  }
}
