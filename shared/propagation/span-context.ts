import { type Context, createContextKey, ROOT_CONTEXT, type SpanContext, trace } from '@opentelemetry/api';
import { FLAG_RANDOM } from './traceparent.ts';

const INBOUND = createContextKey('throughline: inbound span context');

/**
 * Stores the caller's span context in a context. Each span of the trace must send on the caller's random flag and trace
 * state (W3C Trace Context Level 2, sections 3.2.2.5 and 3.5), but tracers lose them: OpenTelemetry's Node tracer loses
 * the flag, and a sampler may drop the trace state. A span context that has neither removes the stored one of the same
 * trace, because the newest message decides.
 */
export function rememberInbound(context: Context, span: SpanContext): Context {
  const hasEither = (span.traceFlags & FLAG_RANDOM) !== 0 || span.traceState !== undefined;
  if (hasEither) return context.setValue(INBOUND, span);
  return inboundOf(context, span.traceId) === undefined ? context : context.deleteValue(INBOUND);
}

/** Returns the span context that {@link rememberInbound} stored for a trace. */
export function inboundOf(context: Context, traceId: string): SpanContext | undefined {
  const span = context.getValue(INBOUND) as SpanContext | undefined;
  return span?.traceId === traceId ? span : undefined;
}

/**
 * Starts a trace that nobody records, with a new random span context that is not sampled. With this, log lines and
 * messages have a common trace id even if tracing is off. If there is a tracer, start a root span instead: with this
 * span as parent, a sampler would record nothing. Never throws. The ids follow W3C Trace Context Level 2, sections
 * 3.2.2.3 to 3.2.2.5.
 */
export function startTrace(base: Context = ROOT_CONTEXT): Context {
  const spanContext = { traceId: randomHex(16), spanId: randomHex(8), traceFlags: FLAG_RANDOM };
  return trace.setSpanContext(rememberInbound(base, spanContext), spanContext);
}

const HEX = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, '0'));

/** Returns random bytes as hex digits. They are never all zero, which would not be a valid id. */
function randomHex(bytes: number): string {
  const octets = crypto.getRandomValues(new Uint8Array(bytes));
  let text = '';
  let sum = 0;
  for (const octet of octets) {
    text += HEX[octet];
    sum += octet;
  }
  return sum === 0 ? text.replace('0', '1') : text;
}
