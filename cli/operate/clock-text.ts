import { CLOCK_TOLERANCE_MS } from '../../shared/clock.ts';

/** Whether a clock is wrong. @param aheadMs by how many milliseconds it is ahead of another; undefined if nobody knows */
export function isClockWrong(aheadMs: number | undefined): aheadMs is number {
  return aheadMs !== undefined && Math.abs(aheadMs) > CLOCK_TOLERANCE_MS;
}

/** How far a clock is off, in a few words. */
export function clockText(aheadMs: number | undefined): string {
  if (aheadMs === undefined) return '?';
  if (!isClockWrong(aheadMs)) return 'right';
  const seconds = Math.round(Math.abs(aheadMs) / 1_000);
  return aheadMs > 0 ? `${seconds} s ahead` : `${seconds} s behind`;
}
