import { type Context, createContextKey, ROOT_CONTEXT, type SpanContext, trace } from '@opentelemetry/api';
import { FLAG_RANDOM } from './traceparent.ts';

const INBOUND = createContextKey('throughline: inbound span context');

/**
 * Remembers in a context what a tracer loses from the caller's span context, although each span of the trace must send
 * it on. OpenTelemetry's Node tracer loses the random flag, and that of `@microlabs/otel-cf-workers` loses the trace
 * state (W3C Trace Context Level 2, sections 3.2.2.5 and 3.5). A span context that has neither clears what was
 * remembered for its trace, since the newest message decides.
 */
export function rememberInbound(context: Context, span: SpanContext): Context {
  const worthIt = (span.traceFlags & FLAG_RANDOM) !== 0 || span.traceState !== undefined;
  if (worthIt) return context.setValue(INBOUND, span);
  return inboundOf(context, span.traceId) === undefined ? context : context.deleteValue(INBOUND);
}

/** The span context that is remembered for a trace. */
export function inboundOf(context: Context, traceId: string): SpanContext | undefined {
  const span = context.getValue(INBOUND) as SpanContext | undefined;
  return span?.traceId === traceId ? span : undefined;
}

/**
 * Starts a trace that nobody records: a context with a new random span context that is not sampled. So log lines and
 * messages have a common trace id even if tracing is off. If there is a tracer, start a root span instead: with this
 * span as parent, a sampler would record nothing. Never throws. The ids follow W3C Trace Context Level 2, sections 3.2.2.3
 * to 3.2.2.5.
 */
export function startTrace(base: Context = ROOT_CONTEXT): Context {
  const spanContext = { traceId: randomHex(16), spanId: randomHex(8), traceFlags: FLAG_RANDOM };
  return trace.setSpanContext(rememberInbound(base, spanContext), spanContext);
}

/** Random bytes as hex digits, but never all zero, which is not a valid id. */
function randomHex(bytes: number): string {
  const octets = crypto.getRandomValues(new Uint8Array(bytes));
  if (octets.every((octet) => octet === 0)) octets[0] = 1;
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join('');
}
