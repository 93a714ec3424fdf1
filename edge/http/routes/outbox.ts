import type { Context } from 'hono';
import type { OutboxList } from '../../../shared/api/outbox.ts';
import { ThroughlineError } from '../../../shared/errors.ts';
import { EdgeApp, type EdgeHono } from '../edge-app.ts';
import { authenticate, requireScope } from '../middleware/access.ts';
import { rateLimit } from '../middleware/rate-limit.ts';
import { OutboxQuery } from '../requests/list-requests.ts';
import { noQuery, pathId, readQuery, tenantOf } from '../requests/read-request.ts';

/**
 * `/v1/outbox`: accepted jobs that NATS does not have yet (pending) or will not take (rejected). The id in the path is the
 * one that a rejected job has of its own.
 */
export function outboxRoutes(): EdgeApp {
  const app = new EdgeApp();
  app.use(authenticate(), rateLimit());
  app.get('/', requireScope('dead-letters:read'), listOutbox);
  app.post('/:id/retry', requireScope('dead-letters:redrive'), noQuery(), retryJob);
  app.delete('/:id', requireScope('dead-letters:redrive'), noQuery(), removeJob);
  return app;
}

async function listOutbox(c: Context<EdgeHono>): Promise<Response> {
  const { limit } = readQuery(c, OutboxQuery);
  return c.json<OutboxList>({ jobs: await c.env.bridge.outbox(tenantOf(c), limit) });
}

async function retryJob(c: Context<EdgeHono>): Promise<Response> {
  const job = await c.env.bridge.retryRejected(tenantOf(c), pathId(c, unknownRejectedJob));
  if (job === undefined) throw unknownRejectedJob();
  c.header('location', job.links.self);
  return c.json(job, 202);
}

async function removeJob(c: Context<EdgeHono>): Promise<Response> {
  const item = await c.env.bridge.removeRejected(tenantOf(c), pathId(c, unknownRejectedJob));
  if (item === undefined) throw unknownRejectedJob();
  return c.json(item);
}

function unknownRejectedJob(): ThroughlineError {
  return new ThroughlineError(
    'job-unknown',
    'no rejected job of yours has this id; GET /v1/outbox lists them',
  );
}
