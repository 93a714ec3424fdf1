import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { ThroughlineError } from '../../shared/errors.ts';
import { isToken } from '../../shared/subjects.ts';
import { authenticate } from '../middleware/authenticate.ts';
import { rateLimit } from '../middleware/rate-limit.ts';
import { requireScope } from '../middleware/require-scope.ts';
import type { EdgeHono } from '../scope.ts';
import { parseRequest } from './parse-request.ts';
import { tenantOf } from './submission.ts';

/** Query of `GET /v1/outbox`. */
export const OutboxQuery = z.strictObject({
  limit: z
    .string()
    .regex(/^[0-9]{1,3}$/, 'must be a whole number from 1 to 100')
    .transform(Number)
    .refine((limit) => limit >= 1 && limit <= 100, 'must be a whole number from 1 to 100')
    .default(100),
});

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
  return c.json({ jobs: await c.env.bridge.outbox(tenantOf(c), limit) });
}

async function retryJob(c: Context<EdgeHono>): Promise<Response> {
  const id = c.req.param('id') ?? '';
  const job = isToken(id) ? await c.env.bridge.retry(tenantOf(c), id) : undefined;
  if (job === undefined)
    throw new ThroughlineError('job-unknown', 'no job of yours with this id was set aside');
  c.header('location', job.links.self);
  return c.json(job, 202);
}
