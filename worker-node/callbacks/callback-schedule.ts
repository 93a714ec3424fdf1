import { equalJitter } from '../../shared/backoff.ts';

/** How many times a callback is sent at most, and how long the pauses between the attempts are. */
export interface CallbackSchedule {
  readonly maxAttempts: number;
  /** The longest pause after the first attempt. */
  readonly firstMs: number;
  /** The longest pause before the last attempt, and the longest pause that a receiver may ask for. */
  readonly maxMs: number;
}

/**
 * Returns the pause after attempt `attempt` (1 for the first), in whole milliseconds. The longest possible pause grows
 * by a constant factor at each attempt: by default from 5 s to 20 h in eight attempts. A pause is at least half of the
 * longest possible pause. With a pause that may be 0, as in `shared/backoff.ts`, all attempts could happen within the
 * first hour.
 * @param notBeforeMs the pause that the receiver asked for in `Retry-After`
 * @param random a number from 0 (inclusive) to 1 (exclusive)
 */
export function pauseAfter(
  attempt: number,
  schedule: CallbackSchedule,
  notBeforeMs: number,
  random: number,
): number {
  const { firstMs, maxMs } = schedule;
  const pause = Math.round(equalJitter(longestPause(attempt, schedule), random));
  return Math.max(pause, Math.min(notBeforeMs, Math.max(firstMs, maxMs)));
}

/** How long all attempts take at most, if each is answered immediately, in milliseconds. */
export function patienceOf(schedule: CallbackSchedule): number {
  let sum = 0;
  for (let attempt = 1; attempt < schedule.maxAttempts; attempt++) sum += longestPause(attempt, schedule);
  return sum;
}

function longestPause(attempt: number, { maxAttempts, firstMs, maxMs }: CallbackSchedule): number {
  const longest = Math.max(firstMs, maxMs);
  const steps = Math.max(1, maxAttempts - 2);
  return Math.min(longest, firstMs * (longest / firstMs) ** ((attempt - 1) / steps));
}
