/** The upper limits of the pauses between attempts. A pause is a random part of its limit. */
export interface PauseLimits {
  /** The longest pause after the first attempt. */
  readonly firstMs: number;
  /** The longest pause after any attempt. */
  readonly maxMs: number;
}

/**
 * Returns the longest pause after an attempt (1 for the first), in milliseconds. The longest pause doubles with each
 * attempt, up to `maxMs`.
 */
export function backoffCeiling(attempt: number, limits: PauseLimits): number {
  return Math.min(limits.maxMs, limits.firstMs * 2 ** Math.min(attempt - 1, 30));
}

/**
 * Returns the pause after an attempt (1 for the first), in whole milliseconds. The pause is a random part of the
 * longest pause, so that jobs that failed at the same time do not run again at the same time.
 * @param random a number from 0 (inclusive) to 1 (exclusive)
 */
export function backoff(attempt: number, limits: PauseLimits, random: number): number {
  return Math.floor(random * (backoffCeiling(attempt, limits) + 1));
}

/**
 * Returns a random pause that is at least half of the longest pause ("equal jitter"), in milliseconds.
 * @param random a number from 0 (inclusive) to 1 (exclusive)
 */
export function equalJitter(longestMs: number, random: number): number {
  return (longestMs * (1 + random)) / 2;
}
