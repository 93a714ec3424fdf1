/** `SpanFlags` of OTLP: it is known where the parent is, and it is elsewhere. */
const HAS_IS_REMOTE = 0x100;
const IS_REMOTE = 0x200;

/** The `flags` of a span or a link. @param isRemote whether the parent, or the linked span, is elsewhere */
export function spanFlags(traceFlags: number, isRemote: boolean | undefined): number {
  return (traceFlags & 0xff) | HAS_IS_REMOTE | (isRemote === true ? IS_REMOTE : 0);
}

/** Attributes in OTLP's JSON. */
export function keyValues(attributes: Readonly<Record<string, unknown>> = {}): object[] {
  return Object.keys(attributes).map((key) => ({ key, value: anyValue(attributes[key]) }));
}

/** A value in OTLP's JSON. A whole number that a double does not hold exactly is written as a double. */
export function anyValue(value: unknown): object {
  if (typeof value === 'string') return { stringValue: value.toWellFormed() };
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return { intValue: value };
    return { doubleValue: Number.isFinite(value) ? value : String(value) };
  }
  return Array.isArray(value) ? { arrayValue: { values: value.map(anyValue) } } : {};
}
