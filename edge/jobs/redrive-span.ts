import {
  type Context,
  context,
  isSpanContextValid,
  propagation,
  type Span,
  type SpanContext,
  trace,
} from '@opentelemetry/api';
import type { JobEvent } from '../../shared/job/event.ts';
import type { JobAddress } from '../../shared/job/job-address.ts';
import type { Redrive } from '../../shared/job/redrive.ts';
import { extract, fromNatsHeaders } from '../../shared/propagation/index.ts';
import { ATTR, SERVICE } from '../../shared/trace/semantics.ts';
import { tracerOf } from '../../shared/trace/tracer.ts';
import type { StoredMessage } from '../nats/stored-message.ts';
import { startRootSpan } from '../telemetry/root-span.ts';
import { sendSpan } from './job-spans.ts';

const tracer = tracerOf(SERVICE.bridge);

interface RedrivenMessage {
  readonly deadLetter: StoredMessage;
  readonly address: JobAddress;
  readonly redrive: Redrive;
  /** The job's last event. */
  readonly event: JobEvent | undefined;
}

/**
 * Starts the `send` span of a redrive. The span is the root of a new trace. It has links to the job's old trace and to
 * the request that redrives the job.
 * @param from the bridge's name, and its server of NATS
 * @param subject the subject of the message
 * @returns the span, and the context that the message carries
 */
export function startRedriveSpan(
  from: Parameters<typeof sendSpan>[2],
  { deadLetter, address, redrive, event }: RedrivenMessage,
  subject: string,
): { readonly span: Span; readonly sending: Context } {
  const active = context.active();
  const base = withBaggageOf(deadLetter, active);
  const { name, kind, attributes } = sendSpan(address, { subject, size: deadLetter.data.length }, from);
  const options = { kind, attributes: { ...attributes, [ATTR.jobRedriveCount]: redrive.redriveCount } };
  const links = [jobSpanOf(deadLetter, event), trace.getSpanContext(active)];
  const { span, started } = startRootSpan(tracer, name, options, base, links);
  return { span, sending: started };
}

/**
 * Returns the span that sent the message of a job, or its dead letter. If that names no span, returns the span of the job's
 * last attempt.
 * @param event the job's last event
 */
export function jobSpanOf(
  { headers }: Partial<Pick<StoredMessage, 'headers'>>,
  event: JobEvent | undefined,
): SpanContext | undefined {
  const { spanContext } = extract(fromNatsHeaders(headers));
  if (spanContext !== undefined) return spanContext;
  const { traceId = '', spanId = '' } = event ?? {};
  const attempt = { traceId, spanId, traceFlags: 0 };
  return isSpanContextValid(attempt) ? attempt : undefined;
}

/** Replaces the baggage of the request that redrives the job with the baggage of the job. */
function withBaggageOf(deadLetter: StoredMessage, base: Context): Context {
  const baggage = propagation.getBaggage(extract(fromNatsHeaders(deadLetter.headers)).context);
  return baggage === undefined ? propagation.deleteBaggage(base) : propagation.setBaggage(base, baggage);
}
