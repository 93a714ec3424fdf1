import type { Job } from '../../shared/job/job.ts';
import { isTerminal } from '../../shared/job/job-state.ts';
import { ATTR } from '../../shared/trace/semantics.ts';
import type { SpanRecord } from '../../shared/trace/span-record.ts';
import { withoutParent } from '../../shared/trace/span-tree.ts';

/**
 * Says what is missing from a job's trace, one sentence for each gap: a parent span, or the worker's span of the
 * attempt that ended the job.
 * @param job undefined: only the spans are known, so only parents can be missing
 * @returns an empty list when the trace is complete
 */
export function traceGaps(spans: readonly SpanRecord[], job?: Job): string[] {
  return [
    ...withoutParent(spans).map(
      ({ name, service, parentSpanId }) =>
        `the parent of "${name}" (${service}), span ${parentSpanId}, is missing`,
    ),
    ...(job !== undefined && lacksAttempt(spans, job)
      ? [`the worker's span of attempt ${job.attempt}, "process ${job.operation}", is missing`]
      : []),
  ];
}

/**
 * Names the attempts that later attempts have links to, and whose spans are not there. Nobody needs to wait for them: a host that
 * died sends nothing more.
 * @param job whose last attempt {@link traceGaps} names, if that is missing
 */
export function attemptGaps(spans: readonly SpanRecord[], job?: Job): string[] {
  const named = job !== undefined && lacksAttempt(spans, job) ? job.attempt : undefined;
  const known = new Set(spans.map(({ traceId, spanId }) => `${traceId} ${spanId}`));
  return spans.flatMap(({ traceId, parentSpanId, links, attributes }) => {
    const attempt = Number(attributes[ATTR.jobAttempt]);
    if (attributes[ATTR.operationType] !== 'process' || !(attempt > 1) || attempt - 1 === named) return [];
    // A link to another trace may lead out of what was asked for. That to the sender leads to the parent.
    return links
      .filter((link) => link.traceId === traceId && link.spanId !== parentSpanId)
      .filter((link) => !known.has(`${link.traceId} ${link.spanId}`))
      .map(
        ({ spanId }) =>
          `the span of the attempt before attempt ${attempt}, span ${spanId}, is missing: its host died, or did not send it yet`,
      );
  });
}

/** Whether all that is missing is the span of the caller: many callers send their spans elsewhere, or none. */
export function lacksOnlyCaller(spans: readonly SpanRecord[], job: Job): boolean {
  const highest = withoutParent(spans);
  return highest.length > 0 && highest.every(isEntry) && !lacksAttempt(spans, job);
}

/** The parent of such a span is made by the caller. The edge may have any name (`OTEL_SERVICE_NAME`), and nats-server has spans of this kind too. */
function isEntry({ kind, attributes }: SpanRecord): boolean {
  return kind === 'SERVER' && attributes[ATTR.traceOutcome] !== undefined;
}

function lacksAttempt(spans: readonly SpanRecord[], job: Job): boolean {
  return expectsAttempt(job) && !spans.some((span) => isAttempt(span, job));
}

/** A cancelled job may have ended without an attempt. */
function expectsAttempt({ state, attempt }: Job): boolean {
  return isTerminal(state) && state !== 'cancelled' && attempt > 0;
}

function isAttempt({ attributes }: SpanRecord, job: Job): boolean {
  // A worker in another language may know the conventions of OpenTelemetry only.
  const { [ATTR.messageId]: messageId, [ATTR.jobId]: id = messageId } = attributes;
  const { [ATTR.operationType]: type, [ATTR.jobAttempt]: attempt } = attributes;
  return type === 'process' && id === job.id && (attempt === undefined || attempt === job.attempt);
}
