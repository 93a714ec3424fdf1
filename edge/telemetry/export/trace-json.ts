import type { Attributes, HrTime, SpanContext } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { anyValue, spanFlags } from '../../../shared/trace/otlp-json.ts';

interface Group {
  readonly first: ReadableSpan;
  readonly spans: object[];
}

/**
 * Writes ended spans as `ExportTraceServiceRequest` of OTLP, in JSON. Lists without elements and counts of 0 are left out, as the JSON of
 * protobuf allows.
 */
export function traceJson(spans: readonly ReadableSpan[]): string {
  const groups: Group[] = [];
  for (const span of spans) {
    const known = groups.find(({ first }) => isOfOneOrigin(first, span));
    if (known === undefined) groups.push({ first: span, spans: [spanOf(span)] });
    else known.spans.push(spanOf(span));
  }
  return JSON.stringify({ resourceSpans: groups.map(resourceSpansOf) });
}

function isOfOneOrigin(one: ReadableSpan, other: ReadableSpan): boolean {
  return one.resource === other.resource && one.instrumentationScope === other.instrumentationScope;
}

function resourceSpansOf({ first: { resource, instrumentationScope }, spans }: Group): object {
  const { name, version, schemaUrl } = instrumentationScope;
  return {
    resource: { attributes: attributesOf(resource.attributes) },
    scopeSpans: [{ scope: { name, version }, spans, schemaUrl }],
    schemaUrl: resource.schemaUrl,
  };
}

function spanOf(span: ReadableSpan): object {
  const { parentSpanContext: parent, status, events, links } = span;
  const { traceId, spanId, traceState, traceFlags } = span.spanContext();
  return {
    traceId,
    spanId,
    parentSpanId: parent?.spanId,
    traceState: traceState?.serialize(),
    name: span.name,
    kind: span.kind + 1,
    startTimeUnixNano: nanoseconds(span.startTime),
    endTimeUnixNano: nanoseconds(span.endTime),
    attributes: attributesOf(span.attributes),
    droppedAttributesCount: span.droppedAttributesCount || undefined,
    events: events.length === 0 ? undefined : events.map(eventOf),
    droppedEventsCount: span.droppedEventsCount || undefined,
    status,
    links: links.length === 0 ? undefined : links.map(linkOf),
    droppedLinksCount: span.droppedLinksCount || undefined,
    flags: spanFlags(traceFlags, parent?.isRemote),
  };
}

function eventOf({ name, time, attributes, droppedAttributesCount }: ReadableSpan['events'][number]): object {
  return {
    name,
    timeUnixNano: nanoseconds(time),
    attributes: attributesOf(attributes),
    droppedAttributesCount: droppedAttributesCount || undefined,
  };
}

function linkOf({ context, attributes, droppedAttributesCount }: ReadableSpan['links'][number]): object {
  const { traceId, spanId, traceState, traceFlags, isRemote }: SpanContext = context;
  return {
    traceId,
    spanId,
    traceState: traceState?.serialize(),
    attributes: attributesOf(attributes),
    droppedAttributesCount: droppedAttributesCount || undefined,
    flags: spanFlags(traceFlags, isRemote),
  };
}

/** Nanoseconds since the epoch have more digits than a number holds. */
function nanoseconds([seconds, nanos]: HrTime): string {
  return `${seconds}${String(Math.trunc(nanos)).padStart(9, '0')}`;
}

function attributesOf(attributes: Attributes = {}): object[] {
  return Object.keys(attributes).map((key) => ({ key, value: anyValue(attributes[key]) }));
}
