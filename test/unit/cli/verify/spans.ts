import type { SpanRecord } from '../../../../shared/trace/span-record.ts';

export const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

/** A span id of a small number. */
export const idOf = (number: number): string => number.toString(16).padStart(16, '0');

/** A span of a worker, with the parent of this number if there is one. */
export function span(number: number, parent?: number, more: Partial<SpanRecord> = {}): SpanRecord {
  return {
    service: 'throughline-worker',
    name: `span ${number}`,
    kind: 'INTERNAL',
    traceId: TRACE,
    spanId: idOf(number),
    startMs: 1_000,
    durationMs: 10,
    status: 'UNSET',
    ...(parent === undefined ? {} : { parentSpanId: idOf(parent) }),
    attributes: {},
    events: [],
    links: [],
    ...more,
  };
}
