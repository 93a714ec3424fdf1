/** The names of the three trace fields, always written in lowercase. */
export const FIELDS = ['traceparent', 'tracestate', 'baggage'] as const;

/** The name of one of the three trace fields. */
export type FieldName = (typeof FIELDS)[number];

/**
 * Where official SDKs of CloudEvents write the trace context of an event (CloudEvents, "Distributed Tracing extension", in
 * the names of the HTTP and NATS bindings).
 */
export const EVENT_FIELDS = { traceparent: 'ce-traceparent', tracestate: 'ce-tracestate' } as const;

/** The name of a field that a reader is asked for. */
export type ReadName = FieldName | (typeof EVENT_FIELDS)[keyof typeof EVENT_FIELDS];

/**
 * The trace context and baggage of a job as strings. The carrier travels with the job everywhere: in HTTP headers,
 * calls to the bridge, SQLite rows, NATS headers and events. A field without a value is left out, and is never empty.
 */
export type Carrier = { [Name in FieldName]?: string };

/**
 * Returns all values of a field in order, whatever the case of its name; an empty list if there are none. All values
 * are returned because two `traceparent` values are an error.
 */
export type CarrierReader = (name: ReadName) => readonly string[];

/**
 * Writes a carrier to any kind of headers. Calls `set` once for each field that is present. Throws only what `set`
 * throws.
 *
 * @example
 * setCarrier(inject(context), (name, value) => headers.set(name, value));
 */
export function setCarrier(carrier: Carrier, set: (name: FieldName, value: string) => void): void {
  const { traceparent, tracestate, baggage } = carrier;
  if (traceparent !== undefined) set('traceparent', traceparent);
  if (tracestate !== undefined) set('tracestate', tracestate);
  if (baggage !== undefined) set('baggage', baggage);
}
