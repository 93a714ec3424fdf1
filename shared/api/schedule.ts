import * as z from 'zod';
import { parseDuration } from '../text/duration.ts';
import { CATCH_UP, OVERLAP } from './schedule-words.ts';
import { ofType, SubmitJob } from './submit-job.ts';

/** Bounds of schedules, and how much of a schedule's past and future an answer shows. */
export const SCHEDULE_LIMITS = {
  everyMs: { least: 1_000, most: 366 * 24 * 60 * 60 * 1_000 },
  cronLength: 256,
  /** How many of the next and of the last runs a schedule shows. */
  shownNextRuns: 5,
  shownLastRuns: 20,
  page: 100,
  defaultPage: 50,
} as const;

const CRON_RULE = `must be five fields (minute, hour, day of month, month, day of week) such as "30 6 * * MON-FRI", at most ${SCHEDULE_LIMITS.cronLength} characters`;
const EVERY_RULE = 'must be a duration such as "90s", "1h30m" or "PT1H", from 1 second to 366 days';
const ZONE_RULE = 'must be the name of a time zone such as "Europe/Berlin", or "UTC"';

/** How often a schedule runs: a duration between two runs. */
export const Every = z.string(EVERY_RULE).refine((text) => {
  const ms = parseDuration(text);
  const { least, most } = SCHEDULE_LIMITS.everyMs;
  return ms !== undefined && ms >= least && ms <= most;
}, EVERY_RULE);

/** When a schedule runs, and what it does about runs that cannot start in time. */
const timingFields = {
  cron: z.string(CRON_RULE).min(1, CRON_RULE).max(SCHEDULE_LIMITS.cronLength, CRON_RULE).optional(),
  every: Every.optional(),
  timeZone: z.string(ZONE_RULE).min(1, ZONE_RULE).max(64, ZONE_RULE).optional(),
  catchUp: z.enum(CATCH_UP, `must be one of ${CATCH_UP.join(', ')}`).optional(),
  overlap: z.enum(OVERLAP, `must be one of ${OVERLAP.join(', ')}`).optional(),
  paused: z.boolean('must be true or false').optional(),
};

const { delay: _delay, unique: _unique, ...jobFields } = SubmitJob.shape;

/**
 * What a schedule says about its jobs. The time of a run comes from its schedule, so a schedule takes no delay. `overlap` says what
 * happens while the last run is there, so it takes no unique key either.
 */
export const scheduledJobFields = jobFields;

/**
 * The body of `PUT /v1/schedules/{name}`: the job of each run, and when it runs. Whether a cron expression can be read and
 * ever runs, and whether a time zone is known, is checked by `parseTiming` of the edge.
 */
export const ScheduleBody = z
  .strictObject(
    { ...scheduledJobFields, ...timingFields },
    ofType('must be an object such as {"operation":"…","input":…,"cron":"0 6 * * *"}'),
  )
  .superRefine(({ cron, every, timeZone }, context) => {
    const fault = (field: string, message: string) =>
      context.addIssue({ code: 'custom', path: [field], message });
    if (cron === undefined && every === undefined) fault('cron', 'must be given, or "every" instead');
    if (cron !== undefined && every !== undefined) fault('every', 'must not be given together with "cron"');
    if (cron === undefined && timeZone !== undefined) fault('timeZone', 'can be given with "cron" only');
  });
export type ScheduleBody = z.output<typeof ScheduleBody>;
/** The body as a caller writes it: durations are text. */
export type ScheduleRequest = z.input<typeof ScheduleBody>;
