import type { Context } from 'hono';
import { ThroughlineError } from '../../../shared/errors.ts';
import { isTerminal, type Job } from '../../../shared/job/job.ts';
import { LIMITS } from '../../../shared/job/limits.ts';
import { EdgeApp, type EdgeHono } from '../edge-app.ts';
import { authenticate, requireScope } from '../middleware/access.ts';
import { jsonBody } from '../middleware/json-body.ts';
import { rateLimit } from '../middleware/rate-limit.ts';
import { ListQuery } from '../requests/list-requests.ts';
import { parseRequest, pathId, preferredWait, tenantOf, unknownJob } from '../requests/read-request.ts';
import { prepare, submitterOf } from '../requests/submission.ts';
import { submitBatch } from './batch.ts';
import { jobEvents } from './job-events.ts';

/** `/v1/jobs`: submit, submit many, list, read, watch, cancel. */
export function jobRoutes(): EdgeApp {
  const app = new EdgeApp();
  app.use(authenticate(), rateLimit());
  app.post('/', requireScope('jobs:write'), jsonBody(), submitJob);
  app.post('/batch', requireScope('jobs:write'), jsonBody({ inputs: LIMITS.batchInputs }), submitBatch);
  app.get('/', requireScope('jobs:read'), listJobs);
  app.get('/:id', requireScope('jobs:read'), readJob);
  app.get('/:id/events', requireScope('jobs:read'), jobEvents);
  app.delete('/:id', requireScope('jobs:cancel'), cancelJob);
  return app;
}

async function submitJob(c: Context<EdgeHono>): Promise<Response> {
  const wait = preferredWait(c.req.header('prefer'), LIMITS.waitSeconds);
  const command = await prepare(c.var.body, submitterOf(c));
  const { job, replayed } = await c.env.bridge.submit({ ...command, waitMs: (wait ?? 0) * 1_000 });
  if (wait !== undefined) c.header('preference-applied', `wait=${wait}`);
  if (replayed) c.header('idempotency-replayed', 'true');
  c.header('location', job.links.self);
  return c.json(job, isTerminal(job.state) ? 200 : 202);
}

/** A page of the tenant's jobs, newest first. */
async function listJobs(c: Context<EdgeHono>): Promise<Response> {
  const { state, operation, limit, cursor } = parseRequest(ListQuery, onceEach(c.req.queries()));
  const tenant = tenantOf(c);
  return c.json(await c.env.index.list({ tenant, state, operation, limit, after: cursor }));
}

async function readJob(c: Context<EdgeHono>): Promise<Response> {
  const job = await c.env.bridge.read(tenantOf(c), pathId(c, unknownJob));
  if (job === undefined) throw unknownJob();
  return c.json<Job>(job);
}

/** Answers 200 with the cancelled job, or 202 when a worker runs the job and has been asked to stop it. */
async function cancelJob(c: Context<EdgeHono>): Promise<Response> {
  const tenant = tenantOf(c);
  const jobId = pathId(c, unknownJob);
  const wait = preferredWait(c.req.header('prefer'), LIMITS.waitSeconds);
  const cancellation = await c.env.bridge.cancel({ tenant, jobId, waitMs: (wait ?? 0) * 1_000 });
  if (cancellation === undefined) throw unknownJob();
  const { job, tooLate } = cancellation;
  if (tooLate) {
    throw new ThroughlineError('job-finished', `the job had already ended: ${job.state}`, {
      state: job.state,
    });
  }
  if (wait !== undefined) c.header('preference-applied', `wait=${wait}`);
  return c.json(job, isTerminal(job.state) ? 200 : 202);
}

/** A name that stands twice in the query keeps its list of values, and the schema refuses it. */
function onceEach(queries: Record<string, string[]>): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(queries).map(([name, values]) => {
      const [only] = values;
      return [name, only !== undefined && values.length === 1 ? only : values];
    }),
  );
}
