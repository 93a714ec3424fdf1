import type { SpanRecord } from './span-record.ts';

/** The spans that name a parent which is not among them. */
export function withoutParent(spans: readonly SpanRecord[]): SpanRecord[] {
  const known = new Set(spans.map(({ spanId }) => spanId));
  return spans.filter(({ parentSpanId }) => parentSpanId !== undefined && !known.has(parentSpanId));
}
