/** How many times a callback is sent at most, and how long the pauses between the attempts are. */
export interface CallbackSchedule {
  readonly maxAttempts: number;
  /** The longest pause after the first attempt. */
  readonly minDelayMs: number;
  /** The longest pause before the last attempt, and the longest pause that a receiver may ask for. */
  readonly maxDelayMs: number;
}

/**
 * Returns the pause after attempt `attempt` (1 for the first), in whole milliseconds. The longest possible pause grows
 * by a constant factor at each attempt: by default from 5 s to 20 h in eight attempts. A pause is at least half of the
 * longest possible pause. With a pause that may be 0, as in `shared/backoff.ts`, all attempts could happen within the
 * first hour.
 * @param notBeforeMs the pause that the receiver asked for, see {@link retryAfterOf}
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

/**
 * Reads a `Retry-After` header, which holds seconds or an HTTP date (RFC 9110, section 10.2.3). Returns milliseconds; 0
 * if the header is neither.
 */
export function retryAfterOf(header: string | undefined, now: number): number {
  if (header === undefined) return 0;
  if (/^[0-9]{1,9}$/.test(header)) return Number(header) * 1_000;
  const date = /^[A-Z][a-z]{2}, /.test(header) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(date) ? 0 : Math.max(0, date - now);
}
