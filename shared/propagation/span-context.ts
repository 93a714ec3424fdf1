import { type Context, createContextKey, ROOT_CONTEXT, type SpanContext, trace } from '@opentelemetry/api';
import { FLAG_RANDOM } from './traceparent.ts';

const INBOUND = createContextKey('throughline: inbound span context');

/**
 * Remembers in a context what tracers forget of the span context they continue, and what must yet be sent on with
 * every span of the trace: OpenTelemetry's Node tracer gives a child span the flags 0 or 1 only, without the
 * random flag, and that of `@microlabs/otel-cf-workers` gives it no trace state (W3C Trace Context Level 2,
 * section 3.2.2.5, "Random Trace ID Flag", and section 3.5). A span context without either clears the memory of
 * its own trace, so that the newest message decides.
 */
export function rememberInbound(context: Context, span: SpanContext): Context {
  const worthIt = (span.traceFlags & FLAG_RANDOM) !== 0 || span.traceState !== undefined;
  if (worthIt) return context.setValue(INBOUND, span);
  return inboundOf(context, span.traceId) === undefined ? context : context.deleteValue(INBOUND);
}

/** What is remembered of this trace. */
export function inboundOf(context: Context, traceId: string): SpanContext | undefined {
  const span = context.getValue(INBOUND) as SpanContext | undefined;
  return span?.traceId === traceId ? span : undefined;
}

/**
 * Starts a trace that nobody records: a context with a fresh, random, unsampled span context, so that log lines
 * and messages can be joined by their ids even when tracing is off. With a tracer present start a root span
 * instead: a parent-based sampler follows the unsampled parent and records nothing. Never throws. Ids are as in
 * W3C Trace Context Level 2, sections 3.2.2.3 to 3.2.2.5.
 */
export function startTrace(base: Context = ROOT_CONTEXT): Context {
  const spanContext = { traceId: randomHex(16), spanId: randomHex(8), traceFlags: FLAG_RANDOM };
  return trace.setSpanContext(rememberInbound(base, spanContext), spanContext);
}

/** So many random bytes as hex digits, never zeros only, which no id may be. */
function randomHex(bytes: number): string {
  const octets = crypto.getRandomValues(new Uint8Array(bytes));
  if (octets.every((octet) => octet === 0)) octets[0] = 1;
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join('');
}
