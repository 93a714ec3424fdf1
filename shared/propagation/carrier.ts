/** The names of the three fields, as they are always written: lowercase. */
export const FIELDS = ['traceparent', 'tracestate', 'baggage'] as const;

/** The name of one of the three fields. */
export type FieldName = (typeof FIELDS)[number];

/**
 * The map of strings that travels with a job everywhere: HTTP header, call to the bridge, SQLite row, NATS
 * header, event. A field that has nothing to say is left out, never empty.
 */
export type Carrier = { [Name in FieldName]?: string };

/**
 * Gives all the values a carrier holds under one name: case-insensitively, in order, an empty list where there
 * is none. All of them, because two `traceparent` values must be told from one.
 */
export type CarrierReader = (name: FieldName) => readonly string[];

/**
 * Writes a carrier to any headers object, one call of `set` for each field that is present. Throws only what
 * `set` throws.
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
