import {
  context,
  type HrTime,
  INVALID_TRACEID,
  type SpanContext,
  type SpanOptions,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { FLAG_RANDOM } from '../../shared/propagation/index.ts';

/**
 * OpenTelemetry's tracer provider, with the random flag of W3C Trace Context Level 2 (section 3.2.2.5.2). Its own tracers
 * lose that flag. A new trace has it, because its id is random. Any other span has it if its parent has it.
 */
export class EdgeTracerProvider extends TracerProvider {
  readonly #tracers = new Map<string, Tracer>();

  override getTracer(...scope: Parameters<TracerProvider['getTracer']>): Tracer {
    const key = JSON.stringify(scope);
    const known = this.#tracers.get(key);
    if (known !== undefined) return known;
    const tracer = keepRandomFlag(super.getTracer(...scope));
    this.#tracers.set(key, tracer);
    return tracer;
  }
}

/**
 * The time in the form of the SDK. A span that is given its start reads the system's clock for its end. Otherwise it would read
 * `performance`, which takes longer and is the same clock in workerd.
 */
function now(): HrTime {
  const ms = Date.now();
  return [Math.floor(ms / 1_000), (ms % 1_000) * 1_000_000];
}

/** Changes `startSpan` of a tracer. Its `startActiveSpan` calls that. */
function keepRandomFlag(tracer: Tracer): Tracer {
  const startSpan = tracer.startSpan.bind(tracer);
  tracer.startSpan = (
    name,
    { kind, attributes, links, root, startTime = now() } = {},
    base = context.active(),
  ) => {
    // The options always have the same fields, so that V8 keeps its compiled code.
    const span = startSpan(name, { kind, attributes, links, root, startTime } as SpanOptions, base);
    const own = span.spanContext();
    // A span that the SDK suppresses has no trace.
    if (own.traceId !== INVALID_TRACEID) own.traceFlags |= randomFlag(own, trace.getSpanContext(base));
    return span;
  };
  return tracer;
}

function randomFlag({ traceId }: SpanContext, parent: SpanContext | undefined): number {
  return parent?.traceId === traceId ? parent.traceFlags & FLAG_RANDOM : FLAG_RANDOM;
}
