import { type Context, context } from '@opentelemetry/api';
import { type Carrier, inject } from '../../shared/propagation/index.ts';
import { activeJob, type JobFields } from './job-context.ts';

/** The trace of a job, for code outside of its call chain. */
export interface CarriedContext {
  /**
   * `traceparent`, `tracestate` and `baggage` of the span that is active: for a worker thread, a child process, or any other
   * program. Code that runs outside of the job gets those of the attempt.
   */
  readonly carrier: Carrier;
  /**
   * Runs code as a part of the job: for callbacks that a queue or a pool calls, in which the job is not known. Its spans, its
   * log lines and its errors belong to the attempt.
   * @returns what the code returns
   */
  readonly run: <Result>(work: () => Result) => Result;
}

const ORIGIN = Symbol('origin');

/** What {@link CarriedContext.carrier} follows from. */
interface WithOrigin {
  readonly [ORIGIN]: { readonly attempt: Context; readonly job: JobFields | undefined };
}

/** One for all jobs: see docs/decisions/worker.md, "The memory of jobs that have ended". */
const CARRIER = {
  get(this: WithOrigin): Carrier {
    const { attempt, job } = this[ORIGIN];
    return inject(activeJob() === job ? context.active() : attempt);
  },
};

/**
 * Adds the trace to what an operation knows about its job. The new properties are not enumerable, so that an author who logs
 * or returns the job does not give away the caller's baggage.
 * @returns the same object
 */
export function withCarriedContext<Job extends object>(job: Job): Job & CarriedContext {
  const attempt = context.active();
  return Object.defineProperties(job, {
    [ORIGIN]: { value: { attempt, job: activeJob() } },
    carrier: CARRIER,
    run: { value: <Result>(work: () => Result): Result => context.with(attempt, work) },
  }) as Job & CarriedContext;
}
