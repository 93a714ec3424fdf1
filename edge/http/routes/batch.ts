import type { Context } from 'hono';
import { mayWrite } from '../../../shared/api/access.ts';
import type { BatchReport, BatchResult } from '../../../shared/api/answers/batch-report.ts';
import { problemOf } from '../../../shared/api/problem.ts';
import { Batch } from '../../../shared/api/submit-job.ts';
import { errorFrom, statusOf } from '../../../shared/error-table.ts';
import { ThroughlineError } from '../../../shared/errors.ts';
import { isTerminal } from '../../../shared/job/job-state.ts';
import type { SubmitResult } from '../../calls/commands.ts';
import { type Reply, unwrapReply } from '../../calls/reply.ts';
import { logFailure } from '../../telemetry/log.ts';
import type { EdgeHono } from '../edge-app.ts';
import { insufficientScope, scopesOf } from '../middleware/access.ts';
import { countRequests } from '../middleware/rate-limit.ts';
import { lostJob, submitChecked } from '../requests/checked-submission.ts';
import { parseRequest } from '../requests/read-request.ts';
import { shownJob } from '../requests/shown-job.ts';
import { type PreparedJob, prepare, type Submitter, submitterOf } from '../requests/submission.ts';

/**
 * `POST /v1/jobs/batch`: up to 100 jobs in one call to the bridge and one round trip to NATS. A refused job does not
 * affect the others. Each job counts as a request of the tenant. An `Idempotency-Key` gives each place in the list a key of its own.
 */
export async function submitBatch(c: Context<EdgeHono>): Promise<Response> {
  const { jobs } = parseRequest(Batch, c.var.body);
  // The request itself was counted as the first of them.
  countRequests(c, jobs.length - 1, 1);
  const submitter = submitterOf(c);
  const prepared = await Promise.all(
    jobs.map((body, index) => prepareOne(c, body, { ...submitter, place: index })),
  );
  const commands = prepared.flatMap((one) => (one instanceof ThroughlineError ? [] : [one]));
  const replies = await submitChecked(commands, c.env, (batch) => c.env.bridge.submitBatch(batch));
  const results = prepared.map((one) =>
    one instanceof ThroughlineError ? refused(one) : resultOf(c, replies.shift()),
  );
  return c.json<BatchReport, 207>({ results }, 207);
}

/** The command for a job of the batch, or the error that it is refused with. */
async function prepareOne(
  c: Context<EdgeHono>,
  body: unknown,
  submitter: Submitter,
): Promise<PreparedJob | ThroughlineError> {
  try {
    const prepared = await prepare(body, submitter);
    if (mayWrite(scopesOf(c), prepared.operation)) return prepared;
    return insufficientScope(`jobs:write:${prepared.operation}`);
  } catch (thrown) {
    const error = errorFrom(thrown);
    logFailure(c.env.log, error);
    return error;
  }
}

function resultOf(c: Context<EdgeHono>, reply: Reply<SubmitResult> | undefined): BatchResult {
  if (reply === undefined) return refused(lostJob());
  try {
    const { job, existing } = unwrapReply(reply);
    const status = existing || isTerminal(job.state) ? 200 : 202;
    return { status, job: shownJob(c, job), ...(existing && { existing }) };
  } catch (thrown) {
    return refused(errorFrom(thrown));
  }
}

function refused(error: ThroughlineError): BatchResult {
  return { status: statusOf(error), problem: problemOf(error, undefined) };
}
