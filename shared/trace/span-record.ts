/**
 * A finished span as plain data: what the local trace collector keeps and the waterfall prints.
 * Only types, no runtime.
 */

export type SpanRecordKind = 'INTERNAL' | 'SERVER' | 'CLIENT' | 'PRODUCER' | 'CONSUMER';

export type SpanRecordStatus = 'UNSET' | 'OK' | 'ERROR';

/** Something that happened at one moment of a span. */
export interface SpanRecordEvent {
  name: string;
  /** Milliseconds since 1970, with microsecond precision. */
  timeMs: number;
  attributes: Record<string, unknown>;
}

/** A reference to another span, often of another trace. */
export interface SpanRecordLink {
  traceId: string;
  spanId: string;
  attributes?: Record<string, unknown>;
}

export interface SpanRecord {
  /** `service.name` of the resource. */
  service: string;
  name: string;
  kind: SpanRecordKind;
  /** 32 lowercase hexadecimal digits. */
  traceId: string;
  /** 16 lowercase hexadecimal digits. */
  spanId: string;
  parentSpanId?: string;
  /** Milliseconds since 1970, with microsecond precision. */
  startMs: number;
  /** From the exact difference in nanoseconds; negative where the clock was set back. */
  durationMs: number;
  status: SpanRecordStatus;
  statusMessage?: string;
  attributes: Record<string, unknown>;
  events: SpanRecordEvent[];
  links: SpanRecordLink[];
}
