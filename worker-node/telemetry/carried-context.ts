import { context } from '@opentelemetry/api';
import { type Carrier, inject } from '../../shared/propagation/index.ts';
import { activeJob } from './job-context.ts';

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

/**
 * Adds the trace to what an operation knows about its job. The new properties are not enumerable, so that an author who logs
 * or returns the job does not give away the caller's baggage.
 * @returns the same object
 */
export function withCarriedContext<Job extends object>(job: Job): Job & CarriedContext {
  const attempt = context.active();
  const fields = activeJob();
  return Object.defineProperties(job, {
    carrier: { get: () => inject(activeJob() === fields ? context.active() : attempt) },
    run: { value: <Result>(work: () => Result): Result => context.with(attempt, work) },
  }) as Job & CarriedContext;
}
