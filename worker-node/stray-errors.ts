import { ThroughlineError } from '../shared/errors.ts';
import type { WorkerLogger } from './log.ts';
import { refuseExit } from './operations/refuse-exit.ts';
import { reportOf } from './operations/thrown.ts';
import { activeJob, failActiveJob } from './telemetry/job-context.ts';

/** More lines than this about errors of one process help nobody. */
const MAX_LINES = 20;

/**
 * Errors that nobody handles: a promise that an operation forgot, a throw in a timer, a call of `process.exit()`. After one of them nobody knows in
 * which state the process is, so it stops, gracefully. Those that follow are logged and change nothing.
 */
export class StrayErrors {
  readonly #log: WorkerLogger;
  readonly #first = Promise.withResolvers<never>();
  #count = 0;

  constructor(log: WorkerLogger) {
    this.#log = log;
    this.#first.promise.catch(() => undefined);
  }

  /** Takes the errors of this process from now on. */
  static watch(log: WorkerLogger): StrayErrors {
    const errors = new StrayErrors(log);
    const exits = new Set<unknown>();
    const take = (thrown: unknown): void => {
      // Nobody caught what process.exit() threw, so it comes a second time.
      if (!exits.delete(thrown)) errors.take(thrown);
    };
    process.on('uncaughtException', take).on('unhandledRejection', take);
    const allowExit = refuseExit((error) => {
      errors.take(error);
      exits.add(error);
    });
    // The process ends already.
    process.once('exit', allowExit);
    return errors;
  }

  /** Rejects at the first error. It never resolves. */
  get first(): Promise<never> {
    return this.#first.promise;
  }

  /** Takes an error, in the context of the code that left it behind. */
  take(thrown: unknown): void {
    const job = activeJob();
    const { summary, text } = reportOf(thrown);
    if (++this.#count <= MAX_LINES)
      this.#log.error({ ...job, reason: summary, stack: text }, 'an error was left behind; the worker stops');
    const origin = job === undefined ? '' : ` by job ${job.job_id} (${job.operation})`;
    this.#first.reject(
      new ThroughlineError('internal', `an error was left behind${origin}: ${summary}`, { cause: thrown }),
    );
    // Else the job would be handed back, spend no attempt, and stop the next host.
    failActiveJob(thrown);
  }

  /** Says how many errors were not logged. */
  report(): void {
    const more = this.#count - MAX_LINES;
    if (more > 0) this.#log.error({ errors: more }, 'more errors were left behind');
  }
}
