/** How attributes of CloudEvents are written in headers (CloudEvents, NATS binding 3.1.3.2 and HTTP binding 3.1.3.2). */

/** All that is not visible ASCII, and `"` and `%`. */
const MUST_ENCODE = /[^\x21\x23\x24\x26-\x7e]/gu;

/** A `%` that begins no encoded byte: its writer did not encode at all. */
const PLAIN_PERCENT = /%(?![0-9a-f]{2})/i;

/** Encodes the value of an attribute for a header. Half a surrogate pair becomes U+FFFD. Never throws. */
export const encodeAttribute = (value: string): string =>
  value.toWellFormed().replace(MUST_ENCODE, encodeURIComponent);

/**
 * Decodes the value of an attribute from a header: first a text in quotes, then one round of percent-decoding. Some SDKs
 * encode every `=` and `:`, others nothing: a value with a `%` that is no part of an encoding stays as it is. Never throws.
 * @returns an empty text if the bytes are not UTF-8, since such a value must not be read
 */
export function decodeAttribute(text: string): string {
  const value = /^".*"$/s.test(text) ? text.slice(1, -1).replace(/\\(.)/gs, '$1') : text;
  if (!value.includes('%')) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return PLAIN_PERCENT.test(value) ? value : '';
  }
}
