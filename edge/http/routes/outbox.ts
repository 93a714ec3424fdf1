import type { Context } from 'hono';
import type { OutboxList } from '../../../shared/api/answers/outbox.ts';
import { notYours, type ThroughlineError } from '../../../shared/errors.ts';
import { jobIdOfRejected } from '../../calls/rejected-id.ts';
import { EdgeApp, type EdgeHono } from '../edge-app.ts';
import { authenticate, requireScope } from '../middleware/access.ts';
import { noBody } from '../middleware/no-body.ts';
import { type AuditedAction, audited } from '../requests/audited.ts';
import { OutboxQuery } from '../requests/list-requests.ts';
import { noQuery, pathId, readQuery, tenantOf } from '../requests/read-request.ts';

/**
 * `/v1/outbox`: accepted jobs that NATS does not have yet (pending) or will not take (rejected). The id in the path is the
 * one that a rejected job has of its own.
 */
export function outboxRoutes(): EdgeApp {
  const app = new EdgeApp();
  app.use(authenticate());
  app.get('/', requireScope('dead-letters:read'), listOutbox);
  app.post('/:id/retry', requireScope('dead-letters:redrive'), noQuery(), noBody(), retryJob);
  app.delete('/:id', requireScope('dead-letters:redrive'), noQuery(), noBody(), removeJob);
  return app;
}

async function listOutbox(c: Context<EdgeHono>): Promise<Response> {
  const { limit } = readQuery(c, OutboxQuery);
  return c.json<OutboxList>({ jobs: await c.env.bridge.outbox(tenantOf(c), limit) });
}

async function retryJob(c: Context<EdgeHono>): Promise<Response> {
  const { bridge } = c.env;
  const job = await withRejected(c, 'outbox-retry', (tenant, id) => bridge.retryRejected(tenant, id));
  c.header('location', job.links.self);
  return c.json(job, 202);
}

async function removeJob(c: Context<EdgeHono>): Promise<Response> {
  const { bridge } = c.env;
  return c.json(await withRejected(c, 'outbox-remove', (tenant, id) => bridge.removeRejected(tenant, id)));
}

/** Does something to the rejected job in the path, if there is one. @throws ThroughlineError `job-unknown` */
function withRejected<T>(
  c: Context<EdgeHono>,
  action: AuditedAction,
  act: (tenant: string, id: string) => Promise<T | undefined>,
): Promise<T> {
  const id = pathId(c, unknownRejectedJob);
  return audited(c, action, { job_id: jobIdOfRejected(id), rejected_id: id }, async () => {
    const done = await act(tenantOf(c), id);
    if (done === undefined) throw unknownRejectedJob(id);
    return done;
  });
}

function unknownRejectedJob(id: string): ThroughlineError {
  return notYours('job-unknown', 'rejected job', 'id', id, 'GET /v1/outbox lists them');
}
