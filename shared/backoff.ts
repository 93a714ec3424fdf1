/** How long to wait between attempts. */
export interface RetryPolicy {
  /** The longest first pause. */
  readonly minDelayMs: number;
  /** The longest pause of all. */
  readonly maxDelayMs: number;
}

/**
 * The longest pause after an attempt (1 for the first), in milliseconds. The pause doubles each time, up to the
 * maximum.
 */
export function backoffCeiling(attempt: number, policy: RetryPolicy): number {
  return Math.min(policy.maxDelayMs, policy.minDelayMs * 2 ** Math.min(attempt - 1, 30));
}

/**
 * The pause after an attempt (1 for the first), in whole milliseconds: a random part of the longest pause, so that jobs
 * that failed at the same time do not run again at the same time.
 * @param random a number from 0 (inclusive) to 1 (exclusive)
 */
export function backoff(attempt: number, policy: RetryPolicy, random: number): number {
  return Math.floor(random * (backoffCeiling(attempt, policy) + 1));
}
