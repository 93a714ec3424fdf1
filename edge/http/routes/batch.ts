import type { Context } from 'hono';
import { Batch, type BatchReport, type BatchResult } from '../../../shared/api/batch.ts';
import { problemOf } from '../../../shared/api/problem.ts';
import { ThroughlineError } from '../../../shared/errors.ts';
import { isTerminal } from '../../../shared/job/job.ts';
import { unwrapReply } from '../../calls/reply.ts';
import { parseRequest } from '../requests/parse-request.ts';
import { prepare, submitterOf } from '../requests/submission.ts';
import type { EdgeHono } from '../scope.ts';

/**
 * `POST /v1/jobs/batch`: up to 100 jobs in one call to the bridge and one round trip to NATS. A job that is refused
 * does not spoil the others. An `Idempotency-Key` counts for each place in the list.
 */
export async function submitBatch(c: Context<EdgeHono>): Promise<Response> {
  const { jobs } = parseRequest(Batch, c.var.body);
  const submitter = submitterOf(c);
  const key = submitter.idempotencyKey;
  const prepared = await Promise.all(
    jobs.map((body, index) =>
      prepare(body, {
        ...submitter,
        idempotencyKey: key === undefined ? undefined : `${key}/${index}`,
      }).catch((thrown: unknown) => ThroughlineError.from(thrown)),
    ),
  );
  const commands = prepared.flatMap((one) => (one instanceof ThroughlineError ? [] : [one]));
  const replies = commands.length === 0 ? [] : await c.env.bridge.submitBatch(commands);
  const results = prepared.map((one): BatchResult => {
    if (one instanceof ThroughlineError) return refused(one);
    const reply = replies.shift();
    if (reply === undefined)
      return refused(new ThroughlineError('internal', 'the bridge lost a job of the batch'));
    try {
      const { job } = unwrapReply(reply);
      return { status: isTerminal(job.state) ? 200 : 202, job };
    } catch (thrown) {
      return refused(ThroughlineError.from(thrown));
    }
  });
  return c.json<BatchReport, 207>({ results }, 207);
}

function refused(error: ThroughlineError): BatchResult {
  return { status: error.status, problem: problemOf(error, undefined) };
}
