import { type Carrier, type CarrierReader, FIELDS, type FieldName } from '../carrier.ts';
import { collect } from '../readers.ts';

/** Headers as a plain object. The values are texts, bytes in UTF-8, or lists of both. Other values are not read. */
export type HeaderRecord = Readonly<Record<string, unknown>>;

/** Reads headers whose values are texts, bytes, or lists of both. */
export function fromValues(headers: HeaderRecord | undefined | null): CarrierReader {
  let keys: string[] | undefined;
  return (name) => {
    keys ??= Object.keys(headers ?? {});
    return collect(keys, name, (key) => textsOf(headers?.[key]));
  };
}

/** A name with its values. */
export type HeaderLine = readonly [name: string, values: readonly string[]];

/** Reads lines of which several may have the same name. They are made when the first field is read. */
export function fromLines(makeLines: () => readonly HeaderLine[]): CarrierReader {
  let lines: readonly HeaderLine[] | undefined;
  return (name) => {
    lines ??= makeLines();
    const all = lines;
    const names = all.map(([key]) => key);
    return collect(names, name, (key) => all.flatMap(([other, values]) => (other === key ? values : [])));
  };
}

/**
 * Returns the texts among one value, a list of values, or none. Bytes that are not UTF-8 become U+FFFD, which no field may
 * have, and a byte order mark stays, because it is a fault as well.
 */
export function textsOf(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return textOf(value);
  return value.flatMap(textOf);
}

function textOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return value instanceof Uint8Array
    ? [new TextDecoder('utf-8', { fatal: false, ignoreBOM: true }).decode(value)]
    : [];
}

/**
 * Returns a copy of headers with this carrier in the place of the one that they hold, whatever the case of its names. Use it
 * to send a message on with its other headers: `{ ...headers, ...carrier }` keeps an old `tracestate`, or a second spelling
 * of `traceparent`, and readers refuse two.
 *
 * @example
 * producer.send({ topic, messages: [{ value, headers: withCarrier(message.headers, inject(context.active())) }] });
 */
export function withCarrier<Value>(
  headers: Readonly<Record<string, Value>> | undefined | null,
  carrier: Carrier,
): Record<string, Value | string> {
  return Object.fromEntries<Value | string>([...othersOf(headers), ...fieldsOf(carrier)]);
}

/** Returns the entries of an object whose keys do not spell one of the three trace fields, in any case. */
export const othersOf = <Value>(
  record: Readonly<Record<string, Value>> | undefined | null,
): [string, Value][] =>
  Object.entries(record ?? {}).filter(([key]) => !FIELDS.some((name) => name === key.toLowerCase()));

/** Returns the fields of a carrier that are present, as pairs. */
export const fieldsOf = (carrier: Carrier): [FieldName, string][] =>
  FIELDS.flatMap((name): [FieldName, string][] => {
    const value = carrier[name];
    return value === undefined ? [] : [[name, value]];
  });
