import type { Job } from '../../shared/job/job.ts';
import { isTerminal } from '../../shared/job/job-state.ts';
import { ATTR } from '../../shared/trace/semantics.ts';
import type { SpanRecord } from '../../shared/trace/span-record.ts';

/**
 * Says what is missing from a job's trace, one sentence for each gap: a parent span, or the worker's span of the
 * attempt that ended the job.
 * @returns an empty list when the trace is complete
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

/** A cancelled job may have ended without an attempt. */
function expectsAttempt({ state, attempt }: Job): boolean {
  return isTerminal(state) && state !== 'cancelled' && attempt > 0;
}

function isAttempt({ attributes }: SpanRecord, job: Job): boolean {
  const { [ATTR.operationType]: type, [ATTR.jobId]: id, [ATTR.jobAttempt]: attempt } = attributes;
  return type === 'process' && id === job.id && (attempt === undefined || attempt === job.attempt);
}
