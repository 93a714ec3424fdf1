import {
  type AttributeValue,
  type Context,
  isSpanContextValid,
  type Span,
  type SpanContext,
  SpanStatusCode,
} from '@opentelemetry/api';
import type { JobAddress } from '../../shared/job/job-address.ts';
import type { Extraction } from '../../shared/propagation/index.ts';
import { messagingSpan } from '../../shared/trace/messaging-span.ts';
import { ATTR, WORKER_ATTR } from '../../shared/trace/semantics.ts';
import { serverAttributes } from '../../shared/trace/server-address.ts';
import type { Ack, Delivery } from '../broker/consume/delivery.ts';
import { momentAfter } from '../telemetry/spans/moment.ts';
import { Shapes, SpanShape } from '../telemetry/spans/span-shape.ts';
import { recordSpan, startSpan } from '../telemetry/spans/start-span.ts';
import type { Attempt } from './attempt/attempt.ts';
import type { HeldJob } from './cancel-memory.ts';
import { reportIn } from './classify.ts';
import type { LimitKind } from './limits/entry.ts';
import type { Ending, JobOutcome } from './pipeline-steps.ts';

/** A subject that is not that of a job may have any words, which must not become names of spans. */
const UNREADABLE_SUBJECT = 'jobs.?.?.?.?.{operation}';

/** What a span of a delivery says beside the delivery. */
interface Handled {
  /** The context of the span that its message names, or one without a span. */
  readonly parent: Context;
  readonly sentBy: SpanContext | undefined;
  readonly group: string;
  /** The server of NATS, as a URL. */
  readonly server: string | undefined;
}

/**
 * The span of one delivery, a child of the span that its message names, or the root of a new trace. It also has a link to that
 * span, as the convention wants for every message.
 * @param address what its subject says; undefined if it is not that of a job
 */
export function startProcessSpan(
  { subject, data }: Delivery,
  address: JobAddress | undefined,
  { parent, sentBy, group, server }: Handled,
): Span {
  const own: AttributeValue[] = [ATTR.destinationName, subject, ATTR.messageBodySize, data.length];
  if (address !== undefined) {
    const { jobId, tenant } = address;
    own.push(ATTR.messageId, jobId, ATTR.jobId, jobId, ATTR.jobTenant, tenant);
  }
  // The outcome has its place before an operation can fill the span with attributes, of which there is a limited number.
  own.push(WORKER_ATTR.consumerGroup, group, ATTR.jobOutcome, '');
  const shape = shapeOf('process', 'process', address, server);
  return startSpan(
    shape,
    sentBy === undefined ? { own, parent } : { own, parent, links: [{ context: sentBy }] },
  );
}

/**
 * Answers a delivery, in a span of its own below that of the delivery.
 * @param address what its subject says; undefined if it is not that of a job
 * @param span that of the delivery
 */
export function settleInSpan(
  delivery: Delivery,
  address: JobAddress | undefined,
  span: Span,
  { ack, server }: { readonly ack: Ack; readonly server: string | undefined },
): void {
  if (ack.kind === 'none' || !span.isRecording()) {
    delivery.settle(ack);
    return;
  }
  const own: AttributeValue[] = [ATTR.destinationName, delivery.subject];
  if (ack.kind === 'nak') own.push(WORKER_ATTR.settleDelayMs, ack.delayMs);
  const startTime = Date.now();
  const began = performance.now();
  delivery.settle(ack);
  const ended = momentAfter(startTime, performance.now() - began);
  recordSpan(shapeOf('settle', ack.kind, address, server), { own, startTime, ended });
}

/** The shapes of all spans of deliveries, by what NATS calls their operation. */
const shapes = new Map<string, Shapes>();

/** What all deliveries of an operation have in common. @param address undefined: the subject is not that of a job */
function shapeOf(
  type: 'process' | 'settle',
  name: string,
  address: JobAddress | undefined,
  server: string | undefined,
): SpanShape {
  let byOperation = shapes.get(name);
  if (byOperation === undefined) {
    byOperation = new Shapes((operation, at) => makeShape(type, name, operation, at));
    shapes.set(name, byOperation);
  }
  return byOperation.of(address?.operation ?? '', server);
}

/** @param operation empty: the subject is not that of a job */
function makeShape(
  type: 'process' | 'settle',
  name: string,
  operation: string,
  server: string | undefined,
): SpanShape {
  const subject = operation === '' ? UNREADABLE_SUBJECT : `jobs.?.?.?.?.${operation}`;
  const { attributes, ...span } = messagingSpan(type, subject, name);
  const { [ATTR.destinationName]: _, ...common } = { ...attributes, ...serverAttributes(server) };
  const job = type === 'process' && operation !== '' ? { [ATTR.jobOperation]: operation } : {};
  return new SpanShape({ ...span, attributes: { ...common, ...job } });
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
