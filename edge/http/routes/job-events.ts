import type { Context } from 'hono';
import { ThroughlineError, unknownJob } from '../../../shared/errors.ts';
import { eventScope } from '../../calls/place-seal.ts';
import type { EdgeHono } from '../edge-app.ts';
import { EventsQuery, LAST_EVENT_ID } from '../requests/list-requests.ts';
import {
  acceptsEventStream,
  claimedQuotas,
  pathId,
  readQuery,
  tenantOf,
  unknownCursor,
} from '../requests/read-request.ts';

const EVENT_STREAM = 'text/event-stream';
const HEADERS = {
  'content-type': EVENT_STREAM,
  // Without it, nginx and similar proxies hold events back until a buffer is full.
  'x-accel-buffering': 'no',
} as const;

/**
 * `GET /v1/jobs/{id}/events`: the events so far as JSON, or a `text/event-stream` of all events until the job has ended.
 * `Last-Event-ID` (or `?after=`) leaves out the events that the caller has. A caller who has them all gets 204, so
 * that an `EventSource` does not connect again.
 */
export async function jobEvents(c: Context<EdgeHono>): Promise<Response> {
  const tenant = tenantOf(c);
  const id = pathId(c, unknownJob);
  const after = await readAfter(c, eventScope({ tenant, jobId: id }));
  c.header('vary', 'accept');
  // A HEAD request never reads the stream, which would stay open.
  if (c.req.raw.method === 'HEAD' || !acceptsEventStream(c.req.header('accept')))
    return c.json(await c.env.bridge.history(tenant, id, after ?? 0));
  const isAgain = after !== undefined;
  const quotas = claimedQuotas(c);
  const stream = await c.env.bridge.watch({ tenant, quotas, jobId: id, after: after ?? 0, isAgain });
  return stream === null ? c.body(null, 204) : c.body(stream, 200, HEADERS);
}

/** The sequence that the caller has the events up to; 0: it has none of them. Undefined: the caller is new. */
async function readAfter(c: Context<EdgeHono>, scope: string): Promise<number | undefined> {
  const query = readQuery(c, EventsQuery);
  const header = c.req.header('last-event-id') ?? '';
  if (!LAST_EVENT_ID.test(header))
    throw new ThroughlineError('request-invalid', 'Last-Event-ID must be the id of an event of this job');
  const id = header || query.after;
  if (id === undefined) return undefined;
  const place = await c.env.seal.open(scope, id);
  if (place === undefined) throw unknownCursor();
  return place[0];
}
