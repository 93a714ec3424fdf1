import { ThroughlineError } from '../errors.ts';

const encoder = new TextEncoder();
// JSON on the wire is UTF-8 (RFC 8259, section 8.1). Bytes that are not UTF-8 are an error, and do not become U+FFFD.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/** A text as UTF-8. */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Writes a value as JSON in UTF-8. `undefined` becomes `null`, because JSON has no `undefined`. */
export function writeJson(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value) ?? 'null');
}

/** Reads a value from JSON in UTF-8. An empty body is read as `null`. @throws ThroughlineError `message-invalid` */
export function readJson(body: Uint8Array): unknown {
  try {
    return body.length === 0 ? null : JSON.parse(decoder.decode(body));
  } catch (cause) {
    throw new ThroughlineError('message-invalid', 'the body is not JSON in UTF-8', { cause });
  }
}
