/** A finished span as plain data. The local trace collector stores this record, and the waterfall prints it. */

type SpanRecordKind = 'INTERNAL' | 'SERVER' | 'CLIENT' | 'PRODUCER' | 'CONSUMER';

type SpanRecordStatus = 'UNSET' | 'OK' | 'ERROR';

/** An event of a span. */
export interface SpanRecordEvent {
  name: string;
  /** When the event happened, in milliseconds since 1970, with microsecond precision. */
  timeMs: number;
  attributes: Record<string, unknown>;
}

/** A link to another span, often in another trace. */
export interface SpanRecordLink {
  traceId: string;
  spanId: string;
  attributes?: Record<string, unknown>;
}

/** The instrumentation that made a span. */
export interface SpanRecordScope {
  name: string;
  /** Empty if it is not known, as is the schema. */
  version: string;
  schemaUrl: string;
}

export interface SpanRecord {
  /** The `service.name` of the resource. */
  service: string;
  name: string;
  kind: SpanRecordKind;
  /** 32 lowercase hexadecimal digits. */
  traceId: string;
  /** 16 lowercase hexadecimal digits. */
  spanId: string;
  parentSpanId?: string;
  /** When the span started, in milliseconds since 1970, with microsecond precision. */
  startMs: number;
  /** The duration, computed from nanoseconds. Negative if the clock was set back during the span. */
  durationMs: number;
  status: SpanRecordStatus;
  statusMessage?: string;
  attributes: Record<string, unknown>;
  events: SpanRecordEvent[];
  links: SpanRecordLink[];
  scope?: SpanRecordScope;
  /** The attributes of the resource, `service.name` among them. */
  resource?: Record<string, unknown>;
}
