import * as z from 'zod';
import { LIMITS } from '../job/limits.ts';
import { parseDuration } from '../text/duration.ts';

/** When a job is due: a duration from now, or an instant. */
export const Delay = z
  .string()
  .refine(
    (text) => parseDuration(text) !== undefined || instant(text) !== undefined,
    'must be a duration such as "90s" or an instant such as "2026-01-02T03:04:05Z"',
  );

/**
 * The instant that `delay` means, in epoch milliseconds; undefined when it is not in the future.
 * @returns `too-far` beyond 30 days
 */
export function dueAt(delay: string, now: number): number | 'too-far' | undefined {
  const duration = parseDuration(delay);
  const due = duration === undefined ? instant(delay) : now + duration;
  if (due === undefined || due <= now) return undefined;
  return due - now > LIMITS.delayMs ? 'too-far' : due;
}

/** RFC 3339, with an offset: a local time would mean something else in every place. */
function instant(text: string): number | undefined {
  if (!z.iso.datetime({ offset: true }).safeParse(text).success) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}
