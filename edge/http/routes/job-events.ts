import type { Context } from 'hono';
import { ThroughlineError } from '../../../shared/errors.ts';
import { sequenceOf } from '../../../shared/job/event-record.ts';
import type { EdgeHono } from '../edge-app.ts';
import { pathId, tenantOf, unknownJob } from '../requests/read-request.ts';

const EVENT_STREAM = 'text/event-stream';
const HEADERS = {
  'content-type': EVENT_STREAM,
  'cache-control': 'no-store',
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
  const after = readAfter(c.req.header('last-event-id') || c.req.query('after'));
  c.header('vary', 'accept');
  // A HEAD request never reads the stream, which would stay open.
  if (c.req.raw.method === 'HEAD' || !wantsStream(c.req.header('accept'))) {
    c.header('cache-control', 'no-store');
    return c.json(await c.env.bridge.history(tenant, id, after));
  }
  const stream = await c.env.bridge.watch(tenant, id, after);
  return stream === null ? c.body(null, 204) : c.body(stream, 200, HEADERS);
}

function wantsStream(accept: string | undefined): boolean {
  return (accept ?? '').toLowerCase().includes(EVENT_STREAM);
}

function readAfter(id: string | undefined): number {
  // A browser that has seen no event yet may send an empty id.
  if (id === undefined || id === '') return 0;
  const sequence = sequenceOf(id);
  if (sequence !== undefined) return sequence;
  throw new ThroughlineError('request-invalid', 'Last-Event-ID: and ?after= must be the id of an event');
}
