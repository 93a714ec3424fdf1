import { type Attributes, type HrTime, type SpanContext, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { printableJson } from '../text/json/printable-json.ts';

/** The parts of an ended span that {@link spanLine} prints. */
export interface EndedSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly duration: HrTime;
  readonly status: { readonly code: SpanStatusCode; readonly message?: string };
  readonly attributes: Attributes;
  readonly resource: { readonly attributes: Readonly<Record<string, unknown>> };
  readonly parentSpanContext?: SpanContext | undefined;
  spanContext(): SpanContext;
}

/** Formats an ended span as one readable line, for `--debug`. Texts are JSON strings, so they cannot break the line. */
export function spanLine(span: EndedSpan): string {
  const { traceId, spanId } = span.spanContext();
  const [seconds, nanos] = span.duration;
  const ms = (seconds * 1e3 + nanos / 1e6).toFixed(1);
  const status =
    span.status.code === SpanStatusCode.ERROR ? ` ERROR ${JSON.stringify(span.status.message ?? '')}` : '';
  const attributes = Object.entries(span.attributes).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  const line = [
    `span ${traceId} ${spanId} < ${span.parentSpanContext?.spanId ?? '-'.repeat(16)}`,
    `${String(span.resource.attributes['service.name'])} ${SpanKind[span.kind]} ${JSON.stringify(span.name)} ${ms} ms${status}`,
    ...attributes,
  ].join('  ');
  return printableJson(line);
}
