import {
  type Context,
  isSpanContextValid,
  type Span,
  type SpanContext,
  type SpanOptions,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { startTrace } from '../../shared/propagation/index.ts';

/**
 * Starts a span that is the root of a new trace. The sampler decides as for every root.
 * @param base what the context of the span has besides the span
 * @param links the spans of other traces that it has links to; undefined ones are skipped
 * @returns the span, and the context to go on with. Without a tracer, the context has a trace that nobody records
 */
export function startRootSpan(
  tracer: Tracer,
  name: string,
  options: Pick<SpanOptions, 'kind' | 'attributes'>,
  base: Context,
  links: readonly (SpanContext | undefined)[],
): { readonly span: Span; readonly started: Context } {
  const unrelated = trace.deleteSpan(base);
  const linked = links.filter((link) => link !== undefined).map((link) => ({ context: link }));
  const span = tracer.startSpan(name, { ...options, root: true, links: linked }, unrelated);
  const isRecorded = isSpanContextValid(span.spanContext());
  return { span, started: isRecorded ? trace.setSpan(unrelated, span) : startTrace(unrelated) };
}

/** Makes plain data of a span context, so that it may be stored or cross to another isolate. */
export function plainSpanContext(spanContext: SpanContext | undefined): SpanContext | undefined {
  if (spanContext === undefined) return undefined;
  const { traceId, spanId, traceFlags } = spanContext;
  return { traceId, spanId, traceFlags };
}
