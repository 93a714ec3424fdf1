import { type Context, Hono } from 'hono';
import { ThroughlineError } from '../../../shared/errors.ts';
import { isTerminal, type Job, LIMITS } from '../../../shared/job/job.ts';
import { isToken } from '../../../shared/wire/subjects.ts';
import { authenticate } from '../middleware/authenticate.ts';
import { jsonBody } from '../middleware/json-body.ts';
import { rateLimit } from '../middleware/rate-limit.ts';
import { requireScope } from '../middleware/require-scope.ts';
import { preferredWait } from '../requests/prefer.ts';
import { prepare, submitterOf, tenantOf } from '../requests/submission.ts';
import type { EdgeHono } from '../scope.ts';
import { submitBatch } from './batch.ts';
import { cancelJob } from './cancel-job.ts';
import { jobEvents } from './job-events.ts';
import { listJobs } from './list-jobs.ts';

/** `/v1/jobs`: submit, submit many, list, read, watch, cancel. */
export function jobRoutes(): Hono<EdgeHono> {
  const app = new Hono<EdgeHono>();
  app.use(authenticate(), rateLimit());
  app.post('/', requireScope('jobs:write'), jsonBody(), submitJob);
  app.post('/batch', requireScope('jobs:write'), jsonBody({ inputs: LIMITS.batchInputs }), submitBatch);
  app.get('/', requireScope('jobs:read'), listJobs);
  app.get('/:id', requireScope('jobs:read'), readJob);
  app.get('/:id/events', requireScope('jobs:read'), jobEvents);
  app.delete('/:id', requireScope('jobs:cancel'), (c) => cancelJob(c, tenantOf(c)));
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

async function readJob(c: Context<EdgeHono>): Promise<Response> {
  const id = c.req.param('id');
  // An id that can be nobody's gets the answer of an id that is not yours.
  const job = isToken(id) ? await c.env.bridge.read(tenantOf(c), id) : undefined;
  if (job === undefined) throw new ThroughlineError('job-unknown', 'no job of yours has this id');
  return c.json<Job>(job);
}
