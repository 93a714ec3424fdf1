import type { Attributes, AttributeValue } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';

/** The most bytes of a text in a span. Callers choose some of them: addresses, user agents. */
const MAX_BYTES = 256;
/** Attributes whose texts may be longer. */
const LONGER: Readonly<Record<string, number>> = {
  'exception.message': 1_024,
  'exception.stacktrace': 4_096,
};
/** About what a span, and an attribute, take besides their texts, in OTLP JSON and in memory. */
const SPAN_BYTES = 600;
const ATTRIBUTE_BYTES = 60;

/** The parts of an ended span that are cut. */
interface Texts {
  name: string;
  readonly status?: { message?: string };
  readonly attributes?: Attributes;
  readonly events?: readonly { readonly attributes?: Attributes }[];
  readonly links?: readonly { readonly attributes?: Attributes }[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Cuts the long texts of an ended span. @returns about how many bytes the span has then */
export function limitSpan(ended: ReadableSpan): number {
  const span = ended as unknown as Texts;
  span.name = cut(span.name, MAX_BYTES);
  if (span.status?.message !== undefined) span.status.message = cut(span.status.message, MAX_BYTES);
  const parts = [span, ...(span.events ?? []), ...(span.links ?? [])];
  return parts.reduce((bytes, { attributes }) => bytes + limitAttributes(attributes ?? {}), SPAN_BYTES);
}

function limitAttributes(attributes: Attributes): number {
  let bytes = ATTRIBUTE_BYTES;
  for (const key of Object.keys(attributes)) {
    const value = attributes[key];
    const limited = limitValue(value, LONGER[key] ?? MAX_BYTES);
    if (limited !== value) attributes[key] = limited;
    bytes += key.length + bytesOf(limited);
  }
  return bytes;
}

function bytesOf(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((bytes: number, one) => bytes + bytesOf(one), 0);
  return ATTRIBUTE_BYTES + (typeof value === 'string' ? value.length : 0);
}

function limitValue(value: AttributeValue | undefined, maxBytes: number): AttributeValue | undefined {
  if (typeof value === 'string') return cut(value, maxBytes);
  if (!Array.isArray(value)) return value;
  return value.map((one: unknown) => (typeof one === 'string' ? cut(one, maxBytes) : one)) as AttributeValue;
}

/**
 * Cuts a text after its last whole character within `maxBytes` bytes of UTF-8. The result is a copy: V8 keeps the whole
 * text in memory for a slice of it.
 */
function cut(text: string, maxBytes: number): string {
  // A UTF-16 unit has at most three bytes in UTF-8.
  if (text.length * 3 <= maxBytes) return text;
  const buffer = new Uint8Array(maxBytes);
  const { read, written } = encoder.encodeInto(text, buffer);
  return read === text.length ? text : decoder.decode(buffer.subarray(0, written));
}
