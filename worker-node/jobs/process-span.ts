import {
  type Context,
  isSpanContextValid,
  type Span,
  type SpanContext,
  SpanStatusCode,
} from '@opentelemetry/api';
import type { Extraction } from '../../shared/propagation/index.ts';
import { messagingSpan } from '../../shared/trace/messaging-span.ts';
import { ATTR, WORKER_ATTR } from '../../shared/trace/semantics.ts';
import { serverAttributes } from '../../shared/trace/server-address.ts';
import { parseJobSubject } from '../../shared/wire/subjects.ts';
import type { Ack, Delivery } from '../broker/consume/delivery.ts';
import { tracer } from '../telemetry/tracer.ts';
import type { Attempt } from './attempt/attempt.ts';
import type { HeldJob } from './cancel-memory.ts';
import { reportIn } from './classify.ts';
import type { LimitKind } from './limits/entry.ts';
import type { Ending, JobOutcome } from './pipeline-steps.ts';

/** A subject that is not that of a job may have any words, which must not become names of spans. */
const UNREADABLE_SUBJECT = 'jobs.?.?.?.?.{operation}';

/** Who handles a delivery. */
interface Handler {
  readonly group: string;
  /** The server of NATS, as a URL. */
  readonly server: string | undefined;
}

/**
 * The span of one delivery, a child of the span that its message names, or the root of a new trace. It also has a link to that
 * span, as the convention wants for every message.
 * @param parent the context of that span, or one without a span
 */
export function startProcessSpan(
  delivery: Delivery,
  { parent, sentBy }: { readonly parent: Context; readonly sentBy: SpanContext | undefined },
  { group, server }: Handler,
): Span {
  const { address, name, kind, attributes } = spanOf(delivery, server, 'process');
  return tracer.startSpan(
    name,
    {
      kind,
      links: sentBy === undefined ? [] : [{ context: sentBy }],
      attributes: {
        ...attributes,
        [WORKER_ATTR.consumerGroup]: group,
        [ATTR.messageBodySize]: delivery.data.length,
        ...(address && {
          [ATTR.messageId]: address.jobId,
          [ATTR.jobId]: address.jobId,
          [ATTR.jobOperation]: address.operation,
          [ATTR.jobTenant]: address.tenant,
        }),
      },
    },
    parent,
  );
}

/** Answers a delivery, in a span of its own below that of the delivery. */
export function settleInSpan(delivery: Delivery, span: Span, ack: Ack, server: string | undefined): void {
  if (ack.kind === 'none' || !span.isRecording()) {
    delivery.settle(ack);
    return;
  }
  const { name, kind, attributes } = spanOf(delivery, server, 'settle', ack.kind);
  const delay = ack.kind === 'nak' ? { [WORKER_ATTR.settleDelayMs]: ack.delayMs } : {};
  const settling = tracer.startSpan(name, { kind, attributes: { ...attributes, ...delay } });
  delivery.settle(ack);
  settling.end();
}

/** What a span of a delivery starts with, and the address of its job; undefined if the subject is not that of a job. */
function spanOf(
  { subject }: Delivery,
  server: string | undefined,
  type: 'process' | 'settle',
  operation?: string,
) {
  const address = parseJobSubject(subject);
  const span = messagingSpan(type, address === undefined ? UNREADABLE_SUBJECT : subject, operation);
  const attributes = { ...span.attributes, ...serverAttributes(server), [ATTR.destinationName]: subject };
  return { ...span, attributes, address };
}

/** Adds how the trace context of the message was read. */
export function describeContext(span: Span, { outcome, reason }: Extraction): void {
  span.setAttribute(ATTR.traceOutcome, outcome);
  if (reason !== undefined) span.setAttribute(ATTR.traceReason, reason);
}

/** Adds the number of the attempt and how long the job waited, and links to the attempt before. */
export function describeAttempt(span: Span, { number, queueTimeMs, job, previous }: Attempt): void {
  span.setAttribute(ATTR.jobAttempt, number);
  span.setAttribute(WORKER_ATTR.queueTimeMs, queueTimeMs);
  if (job.outboxTimeMs !== undefined) span.setAttribute(ATTR.outboxTimeMs, job.outboxTimeMs);
  if (job.redrive !== undefined) span.setAttribute(ATTR.jobRedriveCount, job.redrive.redriveCount);
  // If the last event is `redriven`, no attempt was before this one. The edge wrote that event.
  if (previous === undefined || previous.kind === 'redriven') return;
  // Each attempt is a child of the span that sent the job, so only a link leads to the attempt before.
  const { traceId, spanId } = previous;
  const linked = { traceId, spanId, traceFlags: span.spanContext().traceFlags };
  // A worker in another language may have written other texts, and a collector refuses a whole batch for one of them.
  if (isSpanContextValid(linked)) span.addLink({ context: linked });
}

/** Adds for which limit the job waited, and how long the attempt waited on this host. */
export function describeWait(span: Span, { by, ms }: { readonly by: LimitKind; readonly ms: number }): void {
  span.setAttribute(ATTR.limitBy, by);
  span.setAttribute(WORKER_ATTR.limitWaitMs, ms);
}

/** What the span of an attempt shows of its end. */
interface Shown {
  readonly outcome: JobOutcome;
  readonly ending: Ending;
  readonly held: Pick<HeldJob, 'notice'>;
  readonly attempt: Pick<Attempt, 'operation'>;
}

/**
 * Adds what went wrong. An attempt that another one follows is no error, unless its operation wants it. For a cancelled job,
 * adds a link to the request that cancelled it, which has its own trace.
 */
export function describeOutcome(span: Span, { outcome, ending, held: { notice }, attempt }: Shown): void {
  if (outcome.kind === 'cancelled' && notice?.sentBy !== undefined) span.addLink({ context: notice.sentBy });
  if (!('code' in outcome)) return;
  const report = reportIn(outcome);
  if (report !== undefined)
    span.recordException({ name: report.type, message: report.summary, stack: report.text });
  span.setAttribute(WORKER_ATTR.jobErrorCode, outcome.code);
  const isFinal = ending.conclusion !== 'retrying';
  if (!isFinal && attempt.operation?.tracing.errors !== 'all') return;
  span.setAttribute(ATTR.errorType, outcome.code);
  span.setStatus({ code: SpanStatusCode.ERROR, message: report?.summary ?? outcome.message });
}
