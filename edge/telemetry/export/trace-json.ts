import type { HrTime, SpanContext } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { keyValues, spanFlags } from '../../../shared/trace/otlp-json.ts';

/** The least characters of a part. V8 stores a text of more than 128 KiB where only a full garbage collection frees it. */
const PART = 32 * 1024;

/** The spans of one resource and scope. */
interface Group {
  readonly first: ReadableSpan;
  readonly spans: ReadableSpan[];
}

/**
 * Writes ended spans as `ExportTraceServiceRequest` of OTLP, in JSON. Lists without elements and counts of 0 are left out, as the JSON of
 * protobuf allows.
 * @returns the parts of the text, in order
 */
export function traceJson(spans: readonly ReadableSpan[]): string[] {
  const groups: Group[] = [];
  for (const span of spans) {
    const known = groups.find(({ first }) => isOfOneOrigin(first, span));
    if (known === undefined) groups.push({ first: span, spans: [span] });
    else known.spans.push(span);
  }
  const parts: string[] = [];
  let text = '{"resourceSpans":[';
  for (const [place, group] of groups.entries()) {
    const [before, after] = aroundSpans(group.first);
    text += place === 0 ? before : `,${before}`;
    for (const [at, span] of group.spans.entries()) {
      text += at === 0 ? JSON.stringify(spanOf(span)) : `,${JSON.stringify(spanOf(span))}`;
      if (text.length < PART) continue;
      parts.push(text);
      text = '';
    }
    text += after;
  }
  return [...parts, `${text}]}`];
}

/** What is written before the spans of a resource and scope, and after them. */
function aroundSpans({ resource, instrumentationScope }: ReadableSpan): [before: string, after: string] {
  const { name, version, schemaUrl } = instrumentationScope;
  const ofResource = JSON.stringify({ attributes: keyValues(resource.attributes) });
  const before = `{"resource":${ofResource},"scopeSpans":[{"scope":${JSON.stringify({ name, version })},"spans":[`;
  return [before, `]${schemaOf(schemaUrl)}}]${schemaOf(resource.schemaUrl)}}`];
}

function schemaOf(url: string | undefined): string {
  return url === undefined ? '' : `,"schemaUrl":${JSON.stringify(url)}`;
}

function isOfOneOrigin(one: ReadableSpan, other: ReadableSpan): boolean {
  return one.resource === other.resource && one.instrumentationScope === other.instrumentationScope;
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
    attributes: keyValues(span.attributes),
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
    attributes: keyValues(attributes),
    droppedAttributesCount: droppedAttributesCount || undefined,
  };
}

function linkOf({ context, attributes, droppedAttributesCount }: ReadableSpan['links'][number]): object {
  const { traceId, spanId, traceState, traceFlags, isRemote }: SpanContext = context;
  return {
    traceId,
    spanId,
    traceState: traceState?.serialize(),
    attributes: keyValues(attributes),
    droppedAttributesCount: droppedAttributesCount || undefined,
    flags: spanFlags(traceFlags, isRemote),
  };
}

/** Nanoseconds since the epoch have more digits than a number holds. */
function nanoseconds([seconds, nanos]: HrTime): string {
  return `${seconds}${String(Math.trunc(nanos)).padStart(9, '0')}`;
}
