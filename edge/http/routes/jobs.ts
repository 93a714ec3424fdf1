import type { Context } from 'hono';
import { ThroughlineError, unknownJob } from '../../../shared/errors.ts';
import { jobLinks } from '../../../shared/job/accepted-job.ts';
import type { Job } from '../../../shared/job/job.ts';
import { isTerminal } from '../../../shared/job/job-state.ts';
import { LIMITS } from '../../../shared/job/limits.ts';
import type { Cancellation } from '../../calls/commands.ts';
import { EdgeApp, type EdgeHono } from '../edge-app.ts';
import { authenticate, requireOwnOperation, requireScope, requireWrite } from '../middleware/access.ts';
import { wholeJson } from '../middleware/answer-headers.ts';
import { jsonBody } from '../middleware/json-body.ts';
import { noBody } from '../middleware/no-body.ts';
import { audited } from '../requests/audited.ts';
import { submitOneChecked } from '../requests/checked-submission.ts';
import { ListQuery } from '../requests/list-requests.ts';
import {
  claimedQuotas,
  listPlace,
  noQuery,
  pathId,
  preferredWait,
  readQuery,
  tenantOf,
} from '../requests/read-request.ts';
import { shownJob } from '../requests/shown-job.ts';
import { prepare, submitterOf } from '../requests/submission.ts';
import { submitBatch } from './batch.ts';
import { cancelMany } from './cancel-many.ts';
import { jobEvents } from './job-events.ts';

/** `/v1/jobs`: submit, submit many, list, read, watch, cancel, cancel many. */
export function jobRoutes(): EdgeApp {
  const app = new EdgeApp();
  app.use(authenticate());
  app.post('/', requireScope('jobs:write'), noQuery(), jsonBody(), submitJob);
  app.post(
    '/batch',
    requireScope('jobs:write'),
    noQuery(),
    jsonBody({ inputs: LIMITS.batchInputs }),
    submitBatch,
  );
  app.post('/cancel', requireScope('jobs:cancel'), noQuery(), jsonBody(), cancelMany);
  // These are no ids, so no other method has anything there.
  app.all('/batch', (c) => c.notFound());
  app.all('/cancel', (c) => c.notFound());
  app.get('/', requireScope('jobs:read'), listJobs);
  app.get('/:id', requireScope('jobs:read'), noQuery(), readJob);
  app.get('/:id/events', requireScope('jobs:read'), jobEvents);
  app.delete('/:id', requireScope('jobs:cancel'), noQuery(), noBody(), cancelJob);
  return app;
}

async function submitJob(c: Context<EdgeHono>): Promise<Response> {
  const wait = preferredWait(c.req.header('prefer'), LIMITS.waitSeconds);
  const { bridge } = c.env;
  const preparing = prepare(c.get('body'), { ...submitterOf(c), waitMs: (wait ?? 0) * 1_000 });
  const prepared = preparing instanceof Promise ? await preparing : preparing;
  requireWrite(c, prepared.operation);
  const submitted = await submitOneChecked(prepared, c.env, (one) => bridge.submit(one));
  const applied = wait === undefined ? {} : { 'preference-applied': `wait=${wait}` };
  if (submitted.outcome === 'accepted') {
    const { jobId, operation } = prepared;
    c.set('loggedJob', { job_id: jobId, operation });
    return wholeJson(c, submitted.json, 202, { ...applied, location: jobLinks(jobId).self });
  }
  const { job, replayed, existing = false } = submitted;
  c.set('loggedJob', { job_id: job.id, operation: job.operation });
  return wholeJson(c, JSON.stringify(shownJob(c, job)), existing || isTerminal(job.state) ? 200 : 202, {
    ...applied,
    ...(replayed ? { 'idempotency-replayed': 'true' } : {}),
    ...(existing ? { 'unique-existing': 'true' } : {}),
    location: job.links.self,
  });
}

/** A page of the tenant's jobs, newest first. */
async function listJobs(c: Context<EdgeHono>): Promise<Response> {
  const { state, operation, tag: tags = [], limit, cursor } = readQuery(c, ListQuery);
  const states = state === undefined ? [] : [state];
  const after = listPlace(cursor);
  return c.json(await c.env.index.list({ tenant: tenantOf(c), states, operation, tags, limit, after }));
}

async function readJob(c: Context<EdgeHono>): Promise<Response> {
  const id = pathId(c, unknownJob);
  const job = await c.env.bridge.read(tenantOf(c), id);
  if (job === undefined) throw unknownJob(id);
  return c.json<Job>(job);
}

/** Answers 200 with the cancelled job, or 202 when a worker runs the job and has been asked to stop it. */
async function cancelJob(c: Context<EdgeHono>): Promise<Response> {
  const tenant = tenantOf(c);
  const jobId = pathId(c, unknownJob);
  const wait = preferredWait(c.req.header('prefer'), LIMITS.waitSeconds);
  const job = await audited(c, 'cancel', { job_id: jobId }, async () => {
    await requireOwnOperation(c, async () => (await c.env.bridge.read(tenant, jobId))?.operation);
    const command = { tenant, jobId, quotas: claimedQuotas(c), waitMs: (wait ?? 0) * 1_000 };
    return cancelledJob(jobId, await c.env.bridge.cancel(command));
  });
  if (wait !== undefined) c.header('preference-applied', `wait=${wait}`);
  return c.json(shownJob(c, job), isTerminal(job.state) ? 200 : 202);
}

/** The job of a cancel that was not too late. @throws ThroughlineError `job-unknown`, `job-finished` */
function cancelledJob(jobId: string, cancellation: Cancellation | undefined): Job {
  if (cancellation === undefined) throw unknownJob(jobId);
  const { job, tooLate } = cancellation;
  if (!tooLate) return job;
  throw new ThroughlineError('job-finished', `the job had already ended: ${job.state}`, { state: job.state });
}
