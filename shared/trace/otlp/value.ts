import { toBase64 } from '../../bytes.ts';

/** The value as an object. @throws TypeError with `name` when it is not one */
export function readObject(value: unknown, name: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new TypeError(`${name} is not an object`);
}

/** The value as a list; absent means empty. @throws TypeError with `name` when it is not one */
export function readList(value: unknown, name: string): unknown[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw new TypeError(`${name} is not a list`);
}

/** Turns OTLP's list of key-value pairs into an object. `__proto__` is a key like any other. */
export function readAttributes(value: unknown): Record<string, unknown> {
  return Object.fromEntries(
    readList(value, 'attributes').map((entry) => {
      const { key, value: any } = readObject(entry, 'attributes');
      if (typeof key !== 'string') throw new TypeError('an attribute has no key');
      return [key, readAnyValue(any)];
    }),
  );
}

/** Turns OTLP's `AnyValue` into JSON data. Bytes become base64. An integer that does not fit into a number stays text. */
function readAnyValue(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  const any = readObject(value, 'an attribute value');
  if (any.stringValue !== undefined) return any.stringValue;
  if (any.boolValue !== undefined) return any.boolValue;
  if (any.intValue !== undefined) return readInteger(any.intValue);
  // In JSON, NaN and the infinities are text: "NaN", "Infinity".
  if (any.doubleValue !== undefined) return any.doubleValue === null ? null : Number(any.doubleValue);
  if (any.arrayValue !== undefined) return readValues(any.arrayValue).map(readAnyValue);
  if (any.kvlistValue !== undefined) return readAttributes(readValues(any.kvlistValue));
  if (any.bytesValue instanceof Uint8Array) return toBase64(any.bytesValue);
  return any.bytesValue ?? null;
}

function readValues(value: unknown): unknown[] {
  return readList(readObject(value, 'a list of values').values, 'values');
}

function readInteger(value: unknown): unknown {
  const number = Number(value);
  return Number.isSafeInteger(number) || typeof value === 'number' ? number : String(value);
}
