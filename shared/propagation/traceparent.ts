import type { SpanContext } from '@opentelemetry/api';
import { trimOws } from './header-list.ts';

/**
 * The flags that W3C Trace Context Level 2 defines. All other flags are reserved, and sent as zero (section 3.2.2.5).
 */
const FLAG_SAMPLED = 0x01;
export const FLAG_RANDOM = 0x02;
const KNOWN_FLAGS = FLAG_SAMPLED | FLAG_RANDOM;

/**
 * The length of a value of version 00: `00-` + 32 + `-` + 16 + `-` + 2. Values of later versions are at least as long.
 */
const LENGTH = 55;

/** The longest value that is read. Later versions may add fields, but a longer value is refused without reading it. */
const MAX_LENGTH = 512;

const DASH = 0x2d;
const ZERO_TRACE_ID = '0'.repeat(32);
const ZERO_SPAN_ID = '0'.repeat(16);

/** Why a `traceparent` was refused. */
export type TraceparentFault =
  | 'repeated'
  | 'too-long'
  | 'malformed'
  | 'version-ff'
  | 'extra-data'
  | 'zero-trace-id'
  | 'zero-parent-id';

/**
 * Reads one `traceparent` value (W3C Trace Context Level 2, sections 3.2.2 and 3.2.4). Never throws on a string.
 * @returns the caller's span context with only the sampled and random flags, or the reason for refusing the value
 */
export function parseTraceparent(raw: string): SpanContext | TraceparentFault {
  if (raw.length > MAX_LENGTH) return 'too-long';
  const text = trimOws(raw);
  const fault = findFault(text);
  if (fault !== undefined) return fault;
  const traceId = text.slice(3, 35);
  if (traceId === ZERO_TRACE_ID) return 'zero-trace-id';
  const spanId = text.slice(36, 52);
  if (spanId === ZERO_SPAN_ID) return 'zero-parent-id';
  const traceFlags = Number.parseInt(text.charAt(LENGTH - 1), 16) & KNOWN_FLAGS;
  return { traceId, spanId, traceFlags, isRemote: true };
}

function findFault(text: string): TraceparentFault | undefined {
  const shaped = startsLikeVersion00(text);
  if (shaped && text.startsWith('ff')) return 'version-ff';
  if (shaped && text.length === LENGTH) return undefined;
  // Fetch and Node's HTTP server join repeated lines with a comma. No version of the field contains a comma.
  if (text.includes(',')) return 'repeated';
  if (shaped && text.startsWith('00')) return 'extra-data';
  return shaped && text.charCodeAt(LENGTH) === DASH ? undefined : 'malformed';
}

/**
 * Whether the version, the trace id, the parent id and the flags are where version 00 has them (W3C Trace Context Level
 * 2, section 3.2.4).
 */
function startsLikeVersion00(text: string): boolean {
  const dashes = text.charCodeAt(2) === DASH && text.charCodeAt(35) === DASH && text.charCodeAt(52) === DASH;
  return dashes && isHex(text, 0, 2) && isHex(text, 3, 35) && isHex(text, 36, 52) && isHex(text, 53, LENGTH);
}

/**
 * Writes a `traceparent` of version 00. Never throws.
 * @param moreFlags flags to set in addition to those of the span context
 * @returns undefined if the span context has no valid ids
 */
export function formatTraceparent(span: SpanContext, moreFlags: number): string | undefined {
  const { traceId, spanId } = span;
  // OpenTelemetry's own check allows uppercase hex digits, which the specification forbids.
  if (!isId(traceId, ZERO_TRACE_ID) || !isId(spanId, ZERO_SPAN_ID)) return undefined;
  const flags = (span.traceFlags | moreFlags) & KNOWN_FLAGS;
  return `00-${traceId}-${spanId}-0${flags}`;
}

const isId = (id: string, zero: string): boolean =>
  typeof id === 'string' && id.length === zero.length && id !== zero && isHex(id, 0, id.length);

const IS_HEX = new Uint8Array(128);
for (const digit of '0123456789abcdef') IS_HEX[digit.charCodeAt(0)] = 1;

/**
 * Whether a part of a text has only lowercase hex digits. This function uses a table and does not return early. In ids,
 * digits and letters are mixed at random, so a branch or a regular expression takes two to three times as long.
 */
function isHex(text: string, start: number, end: number): boolean {
  let all = 1;
  for (let i = start; i < end; i++) all &= IS_HEX[text.charCodeAt(i)] ?? 0;
  return all === 1;
}
