import { type Context, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Extraction } from '../../shared/propagation/index.ts';
import { ATTR, MESSAGING_SYSTEM, TEMPLATE } from '../../shared/trace/semantics.ts';
import { parseJobSubject } from '../../shared/wire/subjects.ts';
import type { Delivery } from '../broker/consume/delivery.ts';
import type { Attempt } from './attempt/attempt.ts';
import type { HeldJob } from './cancel-memory.ts';
import { reportIn } from './classify.ts';
import type { LimitKind } from './limits/entry.ts';
import type { JobOutcome } from './pipeline-steps.ts';

const tracer = trace.getTracer('throughline-worker');

/** The span of one delivery, a child of the span that its message names. */
export function startProcessSpan(delivery: Delivery, parent: Context, group: string): Span {
  const address = parseJobSubject(delivery.subject);
  const attributes = {
    [ATTR.messagingSystem]: MESSAGING_SYSTEM,
    [ATTR.operationType]: 'process',
    [ATTR.operationName]: 'process',
    [ATTR.destinationName]: delivery.subject,
    [ATTR.destinationTemplate]: TEMPLATE.jobs,
    [ATTR.consumerGroup]: group,
    [ATTR.messageBodySize]: delivery.data.length,
    ...(address === undefined
      ? {}
      : {
          [ATTR.messageId]: address.jobId,
          [ATTR.jobId]: address.jobId,
          [ATTR.jobOperation]: address.operation,
          [ATTR.jobTenant]: address.tenant,
        }),
  };
  return tracer.startSpan(
    `process ${address?.operation ?? 'unknown'}`,
    { kind: SpanKind.CONSUMER, attributes },
    parent,
  );
}

/** Adds how the trace context of the message was read. */
export function describeContext(span: Span, { outcome, reason }: Extraction): void {
  span.setAttribute(ATTR.traceOutcome, outcome);
  if (reason !== undefined) span.setAttribute(ATTR.traceReason, reason);
}

/** Adds the number of the attempt and how long the job waited, and links to the attempt before. */
export function describeAttempt(span: Span, { number, queueTimeMs, job, previous }: Attempt): void {
  span.setAttribute(ATTR.jobAttempt, number);
  span.setAttribute(ATTR.queueTimeMs, queueTimeMs);
  if (job.outboxTimeMs !== undefined) span.setAttribute(ATTR.outboxTimeMs, job.outboxTimeMs);
  if (job.redrive !== undefined) span.setAttribute(ATTR.jobRedriveCount, job.redrive.redriveCount);
  // If the last event is `redriven`, no attempt was before this one. The edge wrote that event.
  if (previous === undefined || previous.spanId === '' || previous.kind === 'redriven') return;
  // Each attempt is a child of the span that sent the job, so only a link leads to the attempt before.
  const { traceId, spanId } = previous;
  span.addLink({ context: { traceId, spanId, traceFlags: span.spanContext().traceFlags } });
}

/** Adds for which limit the job waited, and how long the attempt waited on this host. */
export function describeWait(span: Span, { by, ms }: { readonly by: LimitKind; readonly ms: number }): void {
  span.setAttribute(ATTR.limitBy, by);
  span.setAttribute(ATTR.limitWaitMs, ms);
}

/** Adds what went wrong. For a cancelled job, adds a link to the request that cancelled it, which has its own trace. */
export function describeOutcome(span: Span, outcome: JobOutcome, { notice }: HeldJob): void {
  if (outcome.kind === 'cancelled' && notice?.sentBy !== undefined) span.addLink({ context: notice.sentBy });
  if (!('code' in outcome)) return;
  const report = reportIn(outcome);
  span.setStatus({ code: SpanStatusCode.ERROR, message: report?.summary ?? outcome.message });
  if (report !== undefined)
    span.recordException({ name: report.type, message: report.summary, stack: report.text });
  span.setAttribute(ATTR.errorType, outcome.code);
}
