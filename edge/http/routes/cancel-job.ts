import type { Context } from 'hono';
import { ThroughlineError } from '../../../shared/errors.ts';
import { isTerminal, LIMITS } from '../../../shared/job/job.ts';
import { isToken } from '../../../shared/wire/subjects.ts';
import { preferredWait } from '../requests/prefer.ts';
import type { EdgeHono } from '../scope.ts';

/**
 * `DELETE /v1/jobs/{id}`: 200 with the cancelled job; 202 with a job that a worker was told to end.
 * @throws ThroughlineError `job-unknown`, `job-finished`, `broker-unavailable`
 */
export async function cancelJob(c: Context<EdgeHono>, tenant: string): Promise<Response> {
  const jobId = c.req.param('id') ?? '';
  const wait = preferredWait(c.req.header('prefer'), LIMITS.waitSeconds);
  const command = { tenant, jobId, waitMs: (wait ?? 0) * 1_000 };
  const cancellation = isToken(jobId) ? await c.env.bridge.cancel(command) : undefined;
  if (cancellation === undefined) throw new ThroughlineError('job-unknown', 'no job of yours has this id');
  const { job, tooLate } = cancellation;
  if (tooLate) {
    throw new ThroughlineError('job-finished', `the job had ended before: ${job.state}`, {
      state: job.state,
    });
  }
  if (wait !== undefined) c.header('preference-applied', `wait=${wait}`);
  return c.json(job, isTerminal(job.state) ? 200 : 202);
}
