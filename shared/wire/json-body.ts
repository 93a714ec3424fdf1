import { ThroughlineError } from '../errors.ts';

const encoder = new TextEncoder();
// JSON on the wire is UTF-8 (RFC 8259, section 8.1). Broken bytes are an error, and do not become U+FFFD.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/** A value as JSON in UTF-8. `undefined` becomes `null`, since JSON cannot express it. */
export function writeJson(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value) ?? 'null');
}

/**
 * The value of JSON in UTF-8. An empty body is `null`.
 * @throws ThroughlineError `message-invalid`
 */
export function readJson(body: Uint8Array): unknown {
  try {
    return body.length === 0 ? null : JSON.parse(decoder.decode(body));
  } catch (cause) {
    throw new ThroughlineError('message-invalid', 'the body is not JSON in UTF-8', { cause });
  }
}
