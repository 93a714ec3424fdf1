import { ThroughlineError } from '../errors.ts';

const encoder = new TextEncoder();
// A JSON text on the wire is UTF-8 (RFC 8259, section 8.1): broken bytes are an error, not U+FFFD.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/** UTF-8 bytes of `value` as JSON; `undefined` becomes `null`, since JSON has no word for it. */
export function writeJson(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value) ?? 'null');
}

/**
 * The value that UTF-8 bytes of JSON stand for; no bytes are `null`.
 * @throws ThroughlineError `message-invalid`
 */
export function readJson(body: Uint8Array): unknown {
  try {
    return body.length === 0 ? null : JSON.parse(decoder.decode(body));
  } catch (cause) {
    throw new ThroughlineError('message-invalid', 'the body is not JSON in UTF-8', { cause });
  }
}
