import { type Context, propagation, ROOT_CONTEXT, type TextMapGetter, trace } from '@opentelemetry/api';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';
import { ThroughlinePropagator } from '../../../shared/propagation/index.ts';

/** Header values by name. */
export interface Fields {
  readonly traceparent?: string | string[];
  readonly tracestate?: string;
  readonly baggage?: string;
}

/** What a propagator read: the span, its trace state, and the baggage by key. */
export interface Read {
  readonly span: string | undefined;
  readonly flags: number;
  readonly tracestate: string;
  readonly baggage: ReadonlyMap<string, string>;
}

const getter: TextMapGetter<Fields> = {
  keys: (fields) => Object.keys(fields),
  get: (fields, name) => (fields as Readonly<Record<string, string | string[]>>)[name],
};

const OURS = new ThroughlinePropagator();
const THEIRS = new CompositePropagator({
  propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
});

/** Reads headers with our propagator and with OpenTelemetry's own. */
export function readBoth(fields: Fields): { ours: Read; theirs: Read; context: Context } {
  const context = OURS.extract(ROOT_CONTEXT, fields, getter);
  return { ours: describe(context), theirs: describe(THEIRS.extract(ROOT_CONTEXT, fields, getter)), context };
}

/** Writes a context with our propagator. */
export function writeOurs(context: Context): Fields {
  const fields: Record<string, string> = {};
  OURS.inject(context, fields, {
    set: (carrier, name, value) => Object.assign(carrier ?? {}, { [name]: value }),
  });
  return fields;
}

function describe(context: Context): Read {
  const span = trace.getSpanContext(context);
  const entries = propagation.getBaggage(context)?.getAllEntries() ?? [];
  return {
    span: span && `${span.traceId}-${span.spanId}`,
    flags: span?.traceFlags ?? 0,
    tracestate: span?.traceState?.serialize() ?? '',
    baggage: new Map(
      entries.map(([key, { value, metadata }]) => [key, JSON.stringify([value, metadata?.toString()])]),
    ),
  };
}
