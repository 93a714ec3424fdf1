import type { Job } from '../../shared/job/job.ts';
import { isTerminal } from '../../shared/job/job-state.ts';
import { ATTR } from '../../shared/trace/semantics.ts';
import type { SpanRecord, SpanRecordLink } from '../../shared/trace/span-record.ts';
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
 * Names the attempts that later attempts have links to, and whose spans are not there. The host of such an attempt died, or has
 * not sent the span: each host sends its own.
 * @param job whose last attempt {@link traceGaps} names, if that is missing
 */
export function attemptGaps(spans: readonly SpanRecord[], job?: Job): string[] {
  const known = new Set(spans.map(({ spanId }) => spanId));
  const named = job !== undefined && lacksAttempt(spans, job) ? job : undefined;
  const gaps = spans.flatMap((span) => {
    const before = attemptBefore(span);
    // A link to another trace may lead out of what was asked for.
    if (before === undefined || before.traceId !== span.traceId || known.has(before.spanId)) return [];
    const { [ATTR.jobId]: id, [ATTR.jobAttempt]: attempt } = span.attributes;
    if (id === named?.id && Number(attempt) - 1 === named?.attempt) return [];
    return [
      `the span of the attempt before attempt ${attempt}, span ${before.spanId}, is missing: its host died, or has not sent it`,
    ];
  });
  return [...new Set(gaps)];
}

/** The first link of a later attempt that does not lead to the sender, its parent. Further ones are of its author, or lead to a cancel. */
function attemptBefore({ parentSpanId, links, attributes }: SpanRecord): SpanRecordLink | undefined {
  const isLater = attributes[ATTR.operationType] === 'process' && Number(attributes[ATTR.jobAttempt]) > 1;
  return isLater ? links.find(({ spanId }) => spanId !== parentSpanId) : undefined;
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
