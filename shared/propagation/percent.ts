/**
 * The characters that must be encoded: `%`, and all characters that are no `baggage-octet` (W3C Baggage, section
 * 3.3.1.3).
 */
const MUST_ENCODE = /[^\x21\x23\x24\x26-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]/;

/** Characters that `encodeURIComponent` encodes although they may stay: `#$&+/:<=>?@[]^` + "`{|}". */
const NEED_NOT_ENCODE = /%(?:2[346BF]|3[ACDEF]|40|5[BDE]|60|7[BCD])/g;

const REPLACEMENT = '\ufffd';

// Without `ignoreBOM` the decoder would remove a U+FEFF at the start, although U+FEFF is data here.
const utf8 = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

/**
 * Encodes a baggage value so that every SDK reads it (W3C Baggage, section 3.3.1.3). Line breaks, blanks, `"`, `%`, `,`,
 * `;`, `\` and everything that is not ASCII become `%XX`, so that a header never contains them. So do `+` and `=`, which
 * may be encoded: OpenTelemetry's Python SDK reads `+` as a blank, and its Rust SDK reads a value only up to a `=`. Half a
 * surrogate pair becomes U+FFFD. Never throws on a string.
 */
export function percentEncode(value: string): string {
  return percentEncodeLeast(value).replace(/[+=]/g, encodeURIComponent);
}

/**
 * Encodes only what must be encoded in a baggage value. No value that is read grows past the limit of the header with this
 * form, except where it has bytes that are not UTF-8. Never throws on a string.
 */
export function percentEncodeLeast(value: string): string {
  if (!MUST_ENCODE.test(value)) return value;
  return encodeURIComponent(value.toWellFormed()).replace(NEED_NOT_ENCODE, decodeURIComponent);
}

/**
 * Decodes a baggage value. Bytes that are not UTF-8, and a `%` without two hex digits, become U+FFFD (W3C Baggage,
 * section 3.3.1.3). Never throws on a string.
 */
export function percentDecode(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text
      .replace(/%(?![0-9a-f]{2})/gi, REPLACEMENT)
      .replace(/(?:%[0-9a-f]{2})+/gi, (octets) => utf8.decode(toBytes(octets)));
  }
}

function toBytes(octets: string): Uint8Array {
  const bytes = new Uint8Array(octets.length / 3);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(octets.slice(3 * i + 1, 3 * i + 3), 16);
  return bytes;
}
