import { trace } from '@opentelemetry/api';
import type { Context } from 'hono';
import type { DeadLetterPage, RedriveReport } from '../../../shared/api/answers/dead-letter.ts';
import { unknownDeadLetter } from '../../../shared/errors.ts';
import { parseRedriveCursor } from '../../calls/cursors.ts';
import { EdgeApp, type EdgeHono } from '../edge-app.ts';
import { authenticate, requireOwnMany, requireOwnOperation, requireScope } from '../middleware/access.ts';
import { jsonBody } from '../middleware/json-body.ts';
import { noBody } from '../middleware/no-body.ts';
import { audited } from '../requests/audited.ts';
import { DeadLetterQuery, RedriveRequest } from '../requests/list-requests.ts';
import {
  claimedQuotas,
  noQuery,
  parseRequest,
  pathId,
  readQuery,
  tenantOf,
  unknownCursor,
} from '../requests/read-request.ts';

/** `/v1/dead-letters`: list, show, redrive. */
export function deadLetterRoutes(): EdgeApp {
  const app = new EdgeApp();
  app.use(authenticate());
  app.get('/', requireScope('dead-letters:read'), listDeadLetters);
  app.post('/redrive', requireScope('dead-letters:redrive'), noQuery(), jsonBody(), redriveMany);
  // This is no id, so no other method has anything there.
  app.all('/redrive', (c) => c.notFound());
  app.get('/:id', requireScope('dead-letters:read'), noQuery(), showDeadLetter);
  app.post('/:id/redrive', requireScope('dead-letters:redrive'), noQuery(), noBody(), redriveOne);
  return app;
}

async function listDeadLetters(c: Context<EdgeHono>): Promise<Response> {
  const { operation, tag: tags = [], limit, cursor } = readQuery(c, DeadLetterQuery);
  const tenant = tenantOf(c);
  const [from] = await openCursor(c, `dead ${tenant}`, cursor);
  const page = await c.env.bridge.deadLetters({ tenant, operation, tags, limit, from });
  if (page.cursor === undefined) return c.json<DeadLetterPage>(page);
  return c.json<DeadLetterPage>({
    ...page,
    cursor: await c.env.seal.seal(`dead ${tenant}`, Number(page.cursor)),
  });
}

/**
 * The place at a cursor; without one, the first place.
 * @throws ThroughlineError `cursor-unknown` where the cursor was not made for this scope
 */
async function openCursor(
  c: Context<EdgeHono>,
  scope: string,
  text: string | undefined,
): Promise<[from: number, to?: number]> {
  if (text === undefined) return [1];
  const place = await c.env.seal.open(scope, text);
  if (place === undefined) throw unknownCursor();
  return place;
}

async function showDeadLetter(c: Context<EdgeHono>): Promise<Response> {
  const id = pathId(c, unknownDeadLetter);
  const deadLetter = await c.env.bridge.deadLetter(tenantOf(c), id);
  if (deadLetter === undefined) throw unknownDeadLetter(id);
  return c.json(deadLetter);
}

async function redriveOne(c: Context<EdgeHono>): Promise<Response> {
  const tenant = tenantOf(c);
  const jobId = pathId(c, unknownDeadLetter);
  const { job, sentBy } = await audited(c, 'redrive', { job_id: jobId }, async () => {
    await requireOwnOperation(c, async () => (await c.env.bridge.deadLetter(tenant, jobId))?.operation);
    return await c.env.bridge.redrive({ tenant, jobId, quotas: claimedQuotas(c) });
  });
  // The redriven job starts a trace of its own. This link leads there, and that trace links back.
  if (sentBy !== undefined) trace.getActiveSpan()?.addLink({ context: sentBy });
  c.header('location', job.links.self);
  return c.json(job, 202);
}

async function redriveMany(c: Context<EdgeHono>): Promise<Response> {
  const { operation, reason, tags = [], limit, cursor } = parseRequest(RedriveRequest, c.var.body);
  const tenant = tenantOf(c);
  const [from, to] = await openCursor(c, `redrive ${tenant}`, cursor);
  const report = await audited(
    c,
    'redrive-many',
    { operation, reason, tags },
    async () => {
      await requireOwnMany(c, operation);
      return await c.env.bridge.redriveMany({
        tenant,
        quotas: claimedQuotas(c),
        operation,
        reason,
        tags,
        limit,
        from,
        to,
      });
    },
    ({ redriven, failed }) => ({ job_ids: redriven, failed: failed.length }),
  );
  const next = parseRedriveCursor(report.cursor ?? '');
  if (next === undefined) return c.json<RedriveReport>(report);
  return c.json<RedriveReport>({
    ...report,
    cursor: await c.env.seal.seal(`redrive ${tenant}`, next.from, next.to),
  });
}
