/** How long to wait between two attempts. */
export interface RetryPolicy {
  /** The longest pause after the first attempt. */
  readonly minDelayMs: number;
  /** The longest pause after any attempt. */
  readonly maxDelayMs: number;
}

/**
 * Returns the longest pause after an attempt (1 for the first), in milliseconds. The longest pause doubles with each
 * attempt, up to `maxDelayMs`.
 */
export function backoffCeiling(attempt: number, policy: RetryPolicy): number {
  return Math.min(policy.maxDelayMs, policy.minDelayMs * 2 ** Math.min(attempt - 1, 30));
}

/**
 * Returns the pause after an attempt (1 for the first), in whole milliseconds. The pause is a random part of the
 * longest pause, so that jobs that failed at the same time do not run again at the same time.
 * @param random a number from 0 (inclusive) to 1 (exclusive)
 */
export function backoff(attempt: number, policy: RetryPolicy, random: number): number {
  return Math.floor(random * (backoffCeiling(attempt, policy) + 1));
}

/**
 * Returns a random pause that is at least half of the longest pause ("equal jitter"), in milliseconds.
 * @param random a number from 0 (inclusive) to 1 (exclusive)
 */
export function equalJitter(longestMs: number, random: number): number {
  return (longestMs * (1 + random)) / 2;
}
