import { isTerminal, type Job } from '../../shared/job/job.ts';
import { ATTR } from '../../shared/trace/semantics.ts';
import type { SpanRecord } from '../../shared/trace/span-record.ts';

/**
 * What a job's trace lacks, a sentence each: parents that are not there, and, of a job that ran to its end, the
 * worker's span. Empty: the chain holds.
 */
export function traceGaps(spans: readonly SpanRecord[], job: Job): string[] {
  const known = new Set(spans.map(({ spanId }) => spanId));
  const orphans = spans.filter(({ parentSpanId }) => parentSpanId !== undefined && !known.has(parentSpanId));
  return [
    ...orphans.map(
      ({ name, service, parentSpanId }) =>
        `the parent of "${name}" (${service}), span ${parentSpanId}, is missing`,
    ),
    ...(expectsAttempt(job) && !spans.some((span) => isAttempt(span, job))
      ? [`the worker's span of attempt ${job.attempt}, "process ${job.operation}", is missing`]
      : []),
  ];
}

/** A cancelled job need not have run. */
function expectsAttempt({ state, attempt }: Job): boolean {
  return isTerminal(state) && state !== 'cancelled' && attempt > 0;
}

function isAttempt({ attributes }: SpanRecord, job: Job): boolean {
  const { [ATTR.operationType]: type, [ATTR.jobId]: id, [ATTR.jobAttempt]: attempt } = attributes;
  return type === 'process' && id === job.id && (attempt === undefined || attempt === job.attempt);
}
