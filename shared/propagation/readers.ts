import type { CarrierReader, ReadName } from './carrier.ts';

const NO_VALUES: readonly string[] = [];

/** The part of `Headers` that this file uses, in any runtime. */
export interface HeadersLike {
  get(name: string): string | null;
}

/** The part of NATS message headers that this file uses. */
export interface NatsHeadersLike {
  keys(): string[];
  values(key: string): string[];
}

/**
 * Reads Fetch `Headers`. `Headers` ignore the case of names, and join repeated lines with a comma, which the parsers
 * expect.
 */
export function fromHeaders(headers: HeadersLike): CarrierReader {
  return (name) => {
    const value = headers.get(name);
    return value === null ? NO_VALUES : [value];
  };
}

/**
 * Reads the headers of a NATS message, if it has any. NATS keeps the case of names, and Go clients write `Traceparent`.
 * For this reason all spellings of a name are read.
 */
export function fromNatsHeaders(headers: NatsHeadersLike | undefined): CarrierReader {
  if (headers === undefined) return () => NO_VALUES;
  let keys: string[] | undefined;
  return (name) => {
    keys ??= headers.keys();
    return collect(keys, name, (key) => headers.values(key));
  };
}

/**
 * Reads a plain object, such as a `Carrier`. Only the object's own properties with strings are read, because the object
 * may come from JSON that another program wrote.
 */
export function fromRecord(record: Readonly<Record<string, unknown>>): CarrierReader {
  let keys: string[] | undefined;
  return (name) => {
    keys ??= Object.keys(record);
    return collect(keys, name, (key) => {
      const value = record[key];
      return typeof value === 'string' ? [value] : NO_VALUES;
    });
  };
}

/** Reads the `headers`, or the `headersDistinct`, of Node's `IncomingMessage`. */
export function fromNodeHeaders(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): CarrierReader {
  let keys: string[] | undefined;
  return (name) => {
    keys ??= Object.keys(headers);
    return collect(keys, name, (key) => toValues(headers[key]));
  };
}

/** Returns the strings among one value, several values or none. */
export function toValues(value: string | readonly string[] | undefined | null): readonly string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : NO_VALUES;
}

/** Returns the values of all keys that spell the name, in order. A key that is listed twice is read once. */
export function collect(
  keys: readonly string[],
  name: ReadName,
  valuesOf: (key: string) => readonly string[],
): readonly string[] {
  let found = NO_VALUES;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] ?? '';
    if ((key !== name && !spells(key, name)) || keys.indexOf(key) < i) continue;
    const values = valuesOf(key);
    found = found.length === 0 ? values : [...found, ...values];
  }
  return found;
}

/** Whether `key` spells `name` in any case. Comparing the lengths first avoids `toLowerCase` for nearly every key. */
const spells = (key: string, name: ReadName): boolean =>
  key.length === name.length && key.toLowerCase() === name;
