import { type Context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { randomHex } from './hex.ts';
import { rememberInbound } from './inbound.ts';
import { FLAG_RANDOM } from './traceparent.ts';

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
