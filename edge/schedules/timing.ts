/**
 * The times of a schedule. croner reads cron expressions and knows about time zones; this file decides which expressions
 * a schedule may have, and which of the runs that were missed are made.
 */
import { Cron } from 'croner';
import type { ScheduleBody } from '../../shared/api/schedule.ts';
import type { CATCH_UP } from '../../shared/api/schedule-words.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import { parseDuration } from '../../shared/text/duration.ts';
import { zoneName } from '../../shared/text/zone-name.ts';
import { CRON_OPTIONS, cronFault } from './cron-fields.ts';

/** When a schedule runs: by a cron expression, or every `everyMs` milliseconds from `fromMs` on. */
export type Timing = Cron | { readonly everyMs: number; readonly fromMs: number };

export interface MissedRuns {
  /** The runs to make, in epoch milliseconds, oldest first. */
  readonly runs: readonly number[];
  /** How many runs are left out. {@link MAX_COUNTED} means that number or more. */
  readonly dropped: number;
  /** The newest of the runs that are left out; undefined: none is. */
  readonly lastDropped: number | undefined;
}

/** A run that starts no later than this is on time: no catch-up policy leaves it out. */
export const ON_TIME_MS = 30_000;
/** The most missed runs that `all` makes: a day of every minute. The newest are made. */
export const MAX_MISSED = 1_440;
/** The most runs that are counted as left out. */
export const MAX_COUNTED = 100;

const CRON_STEP_MS = 60_000;

/**
 * Reads when a schedule runs.
 * @param body a body that has `cron` or `every`, not both
 * @param fromMs epoch milliseconds of the schedule's creation, from which `every` counts
 * @throws ThroughlineError `request-invalid`, with the field, if the expression cannot be read or never runs, or if the time zone
 *   is unknown
 */
export function parseTiming(body: Pick<ScheduleBody, 'cron' | 'every' | 'timeZone'>, fromMs: number): Timing {
  const { cron, every = '', timeZone = 'UTC' } = body;
  if (cron !== undefined) return parseCron(cron, timeZone, fromMs);
  const everyMs = parseDuration(every);
  if (everyMs === undefined || everyMs < 1) throw refused('/every', 'must be a duration such as "90s"');
  return { everyMs, fromMs };
}

/**
 * The first run after a time; both in epoch milliseconds.
 * @returns undefined if there is none
 */
export function nextRun(timing: Timing, afterMs: number): number | undefined {
  if (timing instanceof Cron) return timing.nextRun(new Date(afterMs))?.getTime();
  const { everyMs, fromMs } = timing;
  return fromMs + everyMs * Math.max(1, Math.floor((afterMs - fromMs) / everyMs) + 1);
}

/**
 * The runs that are due after `afterMs` and not after `nowMs`, by the catch-up policy. `none` makes the runs that are on time.
 * `last` makes these or, if there are none, the newest run. `all` makes all, at most {@link MAX_MISSED}. The effort does
 * not grow with the length of the outage.
 * @param afterMs epoch milliseconds of the last run, or of the last change of the schedule
 * @param limit how many runs to return at most. If there are more, the oldest are returned
 */
export function missedRuns(
  timing: Timing,
  afterMs: number,
  nowMs: number,
  catchUp: (typeof CATCH_UP)[number],
  limit: number = MAX_MISSED,
): MissedRuns {
  if (catchUp === 'all' && (nowMs - afterMs) / shortestMs(timing) < MAX_MISSED)
    return { runs: oldest(timing, afterMs, nowMs, limit), dropped: 0, lastDropped: undefined };
  const onTimeFrom = nowMs - ON_TIME_MS;
  const late = { none: 0, last: 1, all: MAX_MISSED }[catchUp];
  const runs: number[] = [];
  let dropped = 0;
  let lastDropped: number | undefined;
  for (const run of newestFirst(timing, afterMs, nowMs)) {
    if (run >= onTimeFrom || runs.length < late) {
      runs.push(run);
      continue;
    }
    lastDropped ??= run;
    if (++dropped === MAX_COUNTED) break;
  }
  return { runs: runs.reverse().slice(0, limit), dropped, lastDropped };
}

/** The shortest time between two runs. */
function shortestMs(timing: Timing): number {
  return timing instanceof Cron ? CRON_STEP_MS : timing.everyMs;
}

/** The runs after `afterMs` and not after `nowMs`, oldest first, at most `limit`. */
function oldest(timing: Timing, afterMs: number, nowMs: number, limit: number): number[] {
  const runs: number[] = [];
  let run = nextRun(timing, afterMs);
  while (run !== undefined && run <= nowMs && runs.length < limit) {
    runs.push(run);
    run = nextRun(timing, run);
  }
  return runs;
}

/** The runs after `afterMs` and not after `nowMs`, newest first, one at a time. */
function* newestFirst(timing: Timing, afterMs: number, nowMs: number): Generator<number> {
  let run = runBefore(timing, nowMs + 1);
  while (run !== undefined && run > afterMs) {
    yield run;
    run = runBefore(timing, run);
  }
}

/** The last run before a time. */
function runBefore(timing: Timing, beforeMs: number): number | undefined {
  if (timing instanceof Cron) return timing.previousRuns(1, new Date(beforeMs))[0]?.getTime();
  const { everyMs, fromMs } = timing;
  const count = Math.ceil((beforeMs - fromMs) / everyMs) - 1;
  return count < 1 ? undefined : fromMs + everyMs * count;
}

function parseCron(pattern: string, timeZone: string, fromMs: number): Cron {
  if (zoneName(timeZone) === undefined)
    throw refused(
      '/timeZone',
      'is not a known time zone. Give an IANA name such as "Europe/Berlin", or "UTC"',
    );
  const fault = cronFault(pattern);
  if (fault !== undefined) throw refused('/cron', fault);
  // UTC has no daylight saving. As an offset, it costs croner a tenth of the time that a zone does.
  const zone = timeZone.toUpperCase() === 'UTC' ? { utcOffset: 0 } : { timezone: timeZone };
  const cron = new Cron(pattern, { ...CRON_OPTIONS, ...zone });
  if (cron.nextRun(new Date(fromMs)) !== null) return cron;
  throw refused(
    '/cron',
    'never runs: none of its months has such a day. Give a day that one of the months has',
  );
}

function refused(path: string, message: string): ThroughlineError {
  return new ThroughlineError('request-invalid', `${path}: ${message}`, { violations: [{ path, message }] });
}
