/** A finished span as plain data. The local trace collector keeps it, and the waterfall prints it. */

type SpanRecordKind = 'INTERNAL' | 'SERVER' | 'CLIENT' | 'PRODUCER' | 'CONSUMER';

type SpanRecordStatus = 'UNSET' | 'OK' | 'ERROR';

/** An event of a span. */
export interface SpanRecordEvent {
  name: string;
  /** Milliseconds since 1970, with microsecond precision. */
  timeMs: number;
  attributes: Record<string, unknown>;
}

/** A link to another span, often in another trace. */
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
  /** Computed from nanoseconds. Negative if the clock was set back during the span. */
  durationMs: number;
  status: SpanRecordStatus;
  statusMessage?: string;
  attributes: Record<string, unknown>;
  events: SpanRecordEvent[];
  links: SpanRecordLink[];
}
