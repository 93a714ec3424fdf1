import * as z from 'zod';
import { CALLBACK_ENDS } from '../../job/callback.ts';
import { scheduledJobFields } from '../schedule.ts';
import { CATCH_UP, OVERLAP, RUN_OUTCOMES, SKIP_REASONS } from '../schedule-words.ts';

/** One run of a schedule: a time at which it was due, and what became of it. */
export const ScheduleRun = z.object({
  /** When the run was due. For a run that was triggered by hand: when that was asked for. */
  scheduledFor: z.iso.datetime(),
  outcome: z.enum(RUN_OUTCOMES),
  /** True if a caller triggered the run. */
  triggered: z.literal(true).optional(),
  /** The job, if one was submitted. */
  jobId: z.string().optional(),
  /** Why a run was skipped. */
  reason: z.enum(SKIP_REASONS).optional(),
  /** The error code of a run that was refused. */
  code: z.string().optional(),
  /** How many runs in a row were skipped, the last of them at `scheduledFor`. Absent means one. */
  count: z.int().min(1).optional(),
  links: z.object({ job: z.string() }).optional(),
});
export type ScheduleRun = z.infer<typeof ScheduleRun>;

/** A schedule as a list shows it: without the fields that may be large, and without its runs but the next one. */
export const ScheduleSummary = z.object({
  name: z.string(),
  operation: z.string(),
  cron: z.string().optional(),
  every: z.string().optional(),
  timeZone: z.string().optional(),
  paused: z.boolean(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
  /** When a run is made next: a new one, or one that was refused and is tried again. Absent while the schedule is paused. */
  nextRun: z.iso.datetime().optional(),
  links: z.object({ self: z.string() }),
});
export type ScheduleSummary = z.infer<typeof ScheduleSummary>;

/** A schedule: what the last PUT asked for, with the defaults filled in, and its runs. */
export const Schedule = z.object({
  ...scheduledJobFields,
  input: z.unknown().optional(),
  timeout: z.string().optional(),
  tags: z.array(z.string()).optional(),
  callback: z.object({ url: z.string(), events: z.array(z.enum(CALLBACK_ENDS)).optional() }).optional(),
  ...ScheduleSummary.omit({ nextRun: true }).shape,
  catchUp: z.enum(CATCH_UP),
  overlap: z.enum(OVERLAP),
  /** The next runs, soonest first. Empty while the schedule is paused. */
  nextRuns: z.array(z.iso.datetime()),
  /** The last runs, newest first. */
  lastRuns: z.array(ScheduleRun),
});
export type Schedule = z.infer<typeof Schedule>;

/** A page of a tenant's schedules, in the order of their names. */
export const SchedulePage = z.object({
  schedules: z.array(ScheduleSummary),
  /** Send this cursor to get the next page. It is absent on the last page. */
  cursor: z.string().optional(),
});
export type SchedulePage = z.infer<typeof SchedulePage>;
