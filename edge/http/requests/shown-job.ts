import type { Context } from 'hono';
import type { Schedule } from '../../../shared/api/answers/schedule.ts';
import type { Job } from '../../../shared/job/job.ts';
import type { EdgeHono } from '../edge-app.ts';

/**
 * A job as the caller may see it. Without `jobs:read`, the answer to a submission or a cancel has the state of the job, but
 * nothing that comes from the operation: no result, no error, no progress.
 */
export function shownJob(c: Context<EdgeHono>, job: Job): Job {
  if (c.env.requestContext.identity?.scopes.has('jobs:read') === true) return job;
  const { result: _result, error: _error, progress: _progress, ...rest } = job;
  return rest;
}

/**
 * A schedule as the caller may see it. Without `schedules:read`, the answer to a change says which operation runs and when,
 * but leaves out the jobs themselves: no input, no callback, no runs that were made.
 */
export function shownSchedule(c: Context<EdgeHono>, schedule: Schedule): Schedule {
  if (c.env.requestContext.identity?.scopes.has('schedules:read') === true) return schedule;
  const { name, operation, cron, every, timeZone, catchUp, overlap } = schedule;
  const { paused, createdAt, updatedAt, nextRuns, links } = schedule;
  const shown = { name, operation, cron, every, timeZone, catchUp, overlap };
  return { ...shown, paused, createdAt, updatedAt, nextRuns, lastRuns: [], links };
}
