import type { Context } from 'hono';
import type { Job } from '../../../shared/job/job.ts';
import type { EdgeHono } from '../edge-app.ts';

/**
 * A job as the caller may see it. Without `jobs:read`, an answer to a submission or to a cancel tells how the job stands,
 * and nothing that the operation said: no result, no error, no progress.
 */
export function shownJob(c: Context<EdgeHono>, job: Job): Job {
  if (c.env.requestContext.identity?.scopes.has('jobs:read') === true) return job;
  const { result: _result, error: _error, progress: _progress, ...rest } = job;
  return rest;
}
