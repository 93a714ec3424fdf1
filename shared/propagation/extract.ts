import { type Context, propagation, ROOT_CONTEXT, type SpanContext, trace } from '@opentelemetry/api';
import { decodeAttribute } from '../text/event-attribute.ts';
import { type BaggageDropReason, type BaggageReading, parseBaggage } from './baggage.ts';
import { type CarrierReader, EVENT_FIELDS } from './carrier.ts';
import { rememberInbound } from './span-context.ts';
import { parseTraceparent, type TraceparentFault } from './traceparent.ts';
import { TraceState, type TracestateDropReason, type TracestateReading } from './tracestate.ts';

/** Why the caller's trace was not continued, although the carrier has a `traceparent`. */
export type ExtractReason = TraceparentFault | 'unreadable';

/** What was left out when a carrier was read. Dropped members are counted, and never make a job fail. */
export interface Dropped {
  /** Why `tracestate`, or some of its members, were dropped. */
  readonly tracestate?: TracestateDropReason;
  readonly tracestateMembers: number;
  /** Why members of `baggage` were dropped. */
  readonly baggage?: BaggageDropReason;
  readonly baggageMembers: number;
}

/** The result of {@link extract}. */
export interface Extraction {
  /** The base context with the baggage, and with the caller's span if the trace continues. */
  readonly context: Context;
  readonly outcome: 'continued' | 'absent' | 'invalid';
  /** Why the trace is not continued; present if the outcome is `invalid`. */
  readonly reason?: ExtractReason;
  /** The caller's span, present if the outcome is `continued`. */
  readonly spanContext?: SpanContext;
  readonly dropped: Dropped;
}

/**
 * Reads a carrier into a context. Never throws: if the reader throws, the reason is `unreadable`. If `traceparent` is
 * invalid or absent, `tracestate` is not read (W3C Trace Context Level 2, section 3.3), and the span of the base
 * context stays. Baggage is read in every case. If at least one member is valid, the baggage replaces that of the base
 * context.
 *
 * A carrier without `traceparent` may have `ce-traceparent` and `ce-tracestate`, which are percent-encoded. They are read
 * as a pair, and never together with a plain `tracestate`. The plain fields win also where they are invalid: they name the
 * last hop, and the event's may name the first one (CloudEvents, "Distributed Tracing extension").
 *
 * @example
 * const { context, outcome, reason } = extract(fromHeaders(request.headers));
 */
export function extract(read: CarrierReader, base: Context = ROOT_CONTEXT): Extraction {
  const plain = readTraceparent(read, 'traceparent');
  const isPlain = plain !== 'absent';
  const parent = isPlain ? plain : readTraceparent(read, EVENT_FIELDS.traceparent);
  const baggage = readBaggage(read);
  const context = baggage.baggage === undefined ? base : propagation.setBaggage(base, baggage.baggage);
  if (parent === 'absent') return { context, outcome: 'absent', dropped: dropped(baggage) };
  if (typeof parent === 'string') {
    return { context, outcome: 'invalid', reason: parent, dropped: dropped(baggage) };
  }
  return continueTrace(context, parent, readTracestate(read, isPlain), baggage);
}

function continueTrace(
  base: Context,
  parent: SpanContext,
  tracestate: TracestateReading,
  baggage: BaggageReading,
): Extraction {
  if (tracestate.state !== undefined) parent.traceState = tracestate.state;
  const context = trace.setSpanContext(rememberInbound(base, parent), parent);
  return { context, outcome: 'continued', spanContext: parent, dropped: dropped(baggage, tracestate) };
}

const NONE: TracestateReading & BaggageReading = { dropped: 0 };
const UNREADABLE: TracestateReading & BaggageReading = { reason: 'unreadable', dropped: 0 };
const NOTHING_DROPPED: Dropped = { tracestateMembers: 0, baggageMembers: 0 };

function dropped(baggage: BaggageReading, tracestate: TracestateReading = NONE): Dropped {
  if (baggage.reason === undefined && tracestate.reason === undefined) return NOTHING_DROPPED;
  return {
    ...(tracestate.reason !== undefined && { tracestate: tracestate.reason }),
    tracestateMembers: tracestate.dropped,
    ...(baggage.reason !== undefined && { baggage: baggage.reason }),
    baggageMembers: baggage.dropped,
  };
}

// Each field is read and parsed in its own `try`. The reader is foreign code: if it fails on one field, the other
// fields can still be read.

function readTraceparent(
  read: CarrierReader,
  name: 'traceparent' | 'ce-traceparent',
): SpanContext | ExtractReason | 'absent' {
  try {
    const values = read(name);
    if (values.length === 0) return 'absent';
    if (values.length > 1) return 'repeated';
    const value: unknown = values[0];
    if (typeof value !== 'string') return 'unreadable';
    return parseTraceparent(name === 'traceparent' ? value : decodeAttribute(value));
  } catch {
    return 'unreadable';
  }
}

function readTracestate(read: CarrierReader, isPlain: boolean): TracestateReading {
  try {
    const values = isPlain ? read('tracestate') : read(EVENT_FIELDS.tracestate).map(decodeAttribute);
    return values.length === 0 ? NONE : TraceState.parse(values);
  } catch {
    return UNREADABLE;
  }
}

function readBaggage(read: CarrierReader): BaggageReading {
  try {
    const values = read('baggage');
    return values.length === 0 ? NONE : parseBaggage(values);
  } catch {
    return UNREADABLE;
  }
}
