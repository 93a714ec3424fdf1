import { type Context, Hono } from 'hono';
import type { OutboxList } from '../../../shared/api/outbox.ts';
import { ThroughlineError } from '../../../shared/errors.ts';
import { isToken } from '../../../shared/wire/subjects.ts';
import { authenticate } from '../middleware/authenticate.ts';
import { rateLimit } from '../middleware/rate-limit.ts';
import { requireScope } from '../middleware/require-scope.ts';
import { OutboxQuery } from '../requests/outbox-request.ts';
import { parseRequest } from '../requests/parse-request.ts';
import { tenantOf } from '../requests/submission.ts';
import type { EdgeHono } from '../scope.ts';

/** `/v1/outbox`: accepted jobs that NATS does not have, because it is away, or because it will not take them. */
export function outboxRoutes(): Hono<EdgeHono> {
  const app = new Hono<EdgeHono>();
  app.use(authenticate(), rateLimit());
  app.get('/', requireScope('dead-letters:read'), listOutbox);
  app.post('/:id/retry', requireScope('dead-letters:redrive'), retryJob);
  return app;
}

async function listOutbox(c: Context<EdgeHono>): Promise<Response> {
  const { limit } = parseRequest(OutboxQuery, c.req.query());
  return c.json<OutboxList>({ jobs: await c.env.bridge.outbox(tenantOf(c), limit) });
}

async function retryJob(c: Context<EdgeHono>): Promise<Response> {
  const id = c.req.param('id') ?? '';
  const job = isToken(id) ? await c.env.bridge.retry(tenantOf(c), id) : undefined;
  if (job === undefined) throw new ThroughlineError('job-unknown', 'no rejected job of yours has this id');
  c.header('location', job.links.self);
  return c.json(job, 202);
}
