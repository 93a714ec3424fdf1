import type { JsMsg } from '@nats-io/jetstream';
import { type Context, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { ATTR, MESSAGING_SYSTEM, TEMPLATE } from '../../shared/trace/semantics.ts';
import { parseJobSubject } from '../../shared/wire/subjects.ts';
import type { Attempt } from './attempt.ts';
import type { HeldJob } from './cancel-memory.ts';
import type { AttemptOutcome } from './run-operation.ts';

const tracer = trace.getTracer('throughline-worker');

/** The span of one delivery, a child of what its message says. */
export function startProcessSpan(message: JsMsg, parent: Context, group: string): Span {
  const address = parseJobSubject(message.subject);
  const attributes = {
    [ATTR.messagingSystem]: MESSAGING_SYSTEM,
    [ATTR.operationType]: 'process',
    [ATTR.operationName]: 'process',
    [ATTR.destinationName]: message.subject,
    [ATTR.destinationTemplate]: TEMPLATE.jobs,
    [ATTR.consumerGroup]: group,
    [ATTR.messageBodySize]: message.data.length,
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

/** Says which attempt it is, how long the job waited, and which attempt was before. */
export function describeAttempt(span: Span, attempt: Attempt): void {
  span.setAttribute(ATTR.jobAttempt, attempt.number);
  span.setAttribute(ATTR.queueTimeMs, attempt.queueTimeMs);
  const { outboxTimeMs } = attempt.job;
  if (outboxTimeMs !== undefined) span.setAttribute(ATTR.outboxTimeMs, outboxTimeMs);
  if (attempt.job.redrive !== undefined)
    span.setAttribute(ATTR.jobRedriveCount, attempt.job.redrive.redriveCount);
  const { previous } = attempt;
  // Before the first attempt after a redrive the last event is `redriven`, which the sending span wrote.
  if (previous === undefined || previous.spanId === '' || previous.kind === 'redriven') return;
  // Each attempt is a child of the span that sent the job, and points at the attempt before it.
  const { traceId, spanId } = previous;
  span.addLink({ context: { traceId, spanId, traceFlags: span.spanContext().traceFlags } });
}

/** What ended badly is an error of the span. */
export function noteFailure(span: Span, outcome: AttemptOutcome): void {
  if (!('code' in outcome)) return;
  span.setStatus({ code: SpanStatusCode.ERROR, message: outcome.message });
  span.setAttribute(ATTR.errorType, outcome.code);
}

/** The request that cancelled has a trace of its own. */
export function noteCancel(span: Span, { notice }: HeldJob): void {
  if (notice?.sentBy !== undefined) span.addLink({ context: notice.sentBy });
}
