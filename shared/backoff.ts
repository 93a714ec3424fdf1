export interface RetryPolicy {
  /** Ceiling of the first pause. */
  readonly minDelayMs: number;
  /** Ceiling of every pause. */
  readonly maxDelayMs: number;
}

/** The longest pause after attempt `attempt` (1 for the first): doubles each time, up to the policy's maximum. */
export function backoffCeiling(attempt: number, policy: RetryPolicy): number {
  return Math.min(policy.maxDelayMs, policy.minDelayMs * 2 ** Math.min(attempt - 1, 30));
}

/**
 * The pause after attempt `attempt`, in whole milliseconds: full jitter, so that jobs that failed together do not
 * come back together.
 * @param random a number from 0 (inclusive) to 1 (exclusive)
 */
export function backoff(attempt: number, policy: RetryPolicy, random: number): number {
  return Math.floor(random * (backoffCeiling(attempt, policy) + 1));
}
