import { trace } from '@opentelemetry/api';
import { type Context, Hono } from 'hono';
import { ThroughlineError } from '../../../shared/errors.ts';
import { isToken } from '../../../shared/wire/subjects.ts';
import { authenticate } from '../middleware/authenticate.ts';
import { jsonBody } from '../middleware/json-body.ts';
import { rateLimit } from '../middleware/rate-limit.ts';
import { requireScope } from '../middleware/require-scope.ts';
import { DeadLetterQuery, RedriveRequest } from '../requests/dead-letter-request.ts';
import { parseRequest } from '../requests/parse-request.ts';
import { tenantOf } from '../requests/submission.ts';
import type { EdgeHono } from '../scope.ts';

/** `/v1/dead-letters`: list, show, redrive. */
export function deadLetterRoutes(): Hono<EdgeHono> {
  const app = new Hono<EdgeHono>();
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
  const id = c.req.param('id');
  const letter = isToken(id) ? await c.env.bridge.deadLetter(tenantOf(c), id) : undefined;
  if (letter === undefined) throw unknownLetter();
  return c.json(letter);
}

async function redriveOne(c: Context<EdgeHono>): Promise<Response> {
  const id = c.req.param('id');
  if (!isToken(id)) throw unknownLetter();
  const { job, sentBy } = await c.env.bridge.redrive(tenantOf(c), id);
  // The redriven job has a trace of its own: this request points at it, and it points back.
  if (sentBy !== undefined) trace.getActiveSpan()?.addLink({ context: sentBy });
  c.header('location', job.links.self);
  return c.json(job, 202);
}

async function redriveMany(c: Context<EdgeHono>): Promise<Response> {
  const { cursor, ...request } = parseRequest(RedriveRequest, c.var.body);
  const { operation, reason, limit } = request;
  return c.json(
    await c.env.bridge.redriveMany({
      ...{ tenant: tenantOf(c), operation, reason, limit },
      from: cursor?.from ?? 1,
      to: cursor?.to,
    }),
  );
}

/** An id that can be nobody's gets the answer of an id that is not yours. */
function unknownLetter(): ThroughlineError {
  return new ThroughlineError('dead-letter-unknown', 'no dead letter of yours has this id');
}
