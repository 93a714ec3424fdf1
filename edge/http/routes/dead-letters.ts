import { trace } from '@opentelemetry/api';
import type { Context } from 'hono';
import { ThroughlineError } from '../../../shared/errors.ts';
import { EdgeApp, type EdgeHono } from '../edge-app.ts';
import { authenticate, requireScope } from '../middleware/access.ts';
import { jsonBody } from '../middleware/json-body.ts';
import { rateLimit } from '../middleware/rate-limit.ts';
import { DeadLetterQuery, RedriveRequest } from '../requests/list-requests.ts';
import { parseRequest, pathId, tenantOf } from '../requests/read-request.ts';

/** `/v1/dead-letters`: list, show, redrive. */
export function deadLetterRoutes(): EdgeApp {
  const app = new EdgeApp();
  app.use(authenticate(), rateLimit());
  app.get('/', requireScope('dead-letters:read'), listDeadLetters);
  app.post('/redrive', requireScope('dead-letters:redrive'), jsonBody(), redriveMany);
  app.get('/:id', requireScope('dead-letters:read'), showDeadLetter);
  app.post('/:id/redrive', requireScope('dead-letters:redrive'), redriveOne);
  return app;
}

async function listDeadLetters(c: Context<EdgeHono>): Promise<Response> {
  const { operation, limit, cursor } = parseRequest(DeadLetterQuery, c.req.query());
  return c.json(await c.env.bridge.deadLetters({ tenant: tenantOf(c), operation, limit, from: cursor }));
}

async function showDeadLetter(c: Context<EdgeHono>): Promise<Response> {
  const deadLetter = await c.env.bridge.deadLetter(tenantOf(c), pathId(c, unknownDeadLetter));
  if (deadLetter === undefined) throw unknownDeadLetter();
  return c.json(deadLetter);
}

async function redriveOne(c: Context<EdgeHono>): Promise<Response> {
  const { job, sentBy } = await c.env.bridge.redrive(tenantOf(c), pathId(c, unknownDeadLetter));
  // The redriven job starts a trace of its own. This link leads there, and that trace links back.
  if (sentBy !== undefined) trace.getActiveSpan()?.addLink({ context: sentBy });
  c.header('location', job.links.self);
  return c.json(job, 202);
}

async function redriveMany(c: Context<EdgeHono>): Promise<Response> {
  const { operation, reason, limit, cursor } = parseRequest(RedriveRequest, c.var.body);
  const { from = 1, to } = cursor ?? {};
  const report = await c.env.bridge.redriveMany({ tenant: tenantOf(c), operation, reason, limit, from, to });
  return c.json(report);
}

function unknownDeadLetter(): ThroughlineError {
  return new ThroughlineError('dead-letter-unknown', 'no dead letter of yours has this id');
}
