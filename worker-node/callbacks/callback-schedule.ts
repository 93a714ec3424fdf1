/** How often a callback is delivered at most, and how long the pauses in between are. */
export interface CallbackSchedule {
  readonly maxAttempts: number;
  /** The longest first pause. */
  readonly minDelayMs: number;
  /** The longest last pause, and the longest pause that a receiver may ask for. */
  readonly maxDelayMs: number;
}

/**
 * The pause after attempt `attempt` (1 for the first), in whole milliseconds. The longest possible pause grows by a
 * constant factor at each attempt: from 5 s to 20 h in eight attempts by default. A pause
 * is at least half of that. With full jitter (`shared/backoff.ts`) all attempts could be spent within the first hour.
 * @param notBeforeMs what the receiver asked for, see {@link retryAfterOf}
 * @param random a number from 0 (inclusive) to 1 (exclusive)
 */
export function pauseAfter(
  attempt: number,
  { maxAttempts, minDelayMs, maxDelayMs }: CallbackSchedule,
  notBeforeMs: number,
  random: number,
): number {
  const longest = Math.max(minDelayMs, maxDelayMs);
  const steps = Math.max(1, maxAttempts - 2);
  const ceiling = Math.min(longest, minDelayMs * (longest / minDelayMs) ** ((attempt - 1) / steps));
  const pause = Math.round((ceiling * (1 + random)) / 2);
  return Math.max(pause, Math.min(notBeforeMs, longest));
}

/** Milliseconds of a `Retry-After` header: seconds, or an HTTP date (RFC 9110, section 10.2.3); 0 when it is neither. */
export function retryAfterOf(header: string | undefined, now: number): number {
  if (header === undefined) return 0;
  if (/^[0-9]{1,9}$/.test(header)) return Number(header) * 1_000;
  const date = /^[A-Z][a-z]{2}, /.test(header) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(date) ? 0 : Math.max(0, date - now);
}
