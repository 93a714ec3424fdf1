import type { Context } from 'hono';
import { ThroughlineError } from '../../../shared/errors.ts';
import { sequenceOf } from '../../../shared/job/event-record.ts';
import { isToken } from '../../../shared/wire/subjects.ts';
import type { EdgeHono } from '../request-context.ts';

const EVENT_STREAM = 'text/event-stream';
const HEADERS = {
  'content-type': EVENT_STREAM,
  'cache-control': 'no-store',
  // nginx and its relatives would keep events back until their buffer is full.
  'x-accel-buffering': 'no',
} as const;

/**
 * `GET /v1/jobs/{id}/events`: the history as JSON, or as `text/event-stream` the history and what comes, until the
 * job has ended. `Last-Event-ID` (or `?after=`) leaves out what the caller has; one who has all gets 204, which tells an
 * `EventSource` not to come again.
 */
export async function jobEvents(c: Context<EdgeHono>): Promise<Response> {
  const { identity } = c.env.requestContext;
  if (identity === undefined) throw new ThroughlineError('unauthenticated', 'a key is needed');
  const id = c.req.param('id');
  // An id that can be nobody's gets the answer of an id that is not yours.
  if (!isToken(id)) throw new ThroughlineError('job-unknown', 'no job of yours has this id');
  const after = readAfter(c.req.header('last-event-id') || c.req.query('after'));
  c.header('vary', 'accept');
  // A HEAD request would leave the stream open.
  if (c.req.raw.method === 'HEAD' || !wantsStream(c.req.header('accept'))) {
    c.header('cache-control', 'no-store');
    return c.json(await c.env.bridge.history(identity.tenant, id, after));
  }
  const stream = await c.env.bridge.watch(identity.tenant, id, after);
  return stream === null ? c.body(null, 204) : c.body(stream, 200, HEADERS);
}

function wantsStream(accept: string | undefined): boolean {
  return (accept ?? '').toLowerCase().includes(EVENT_STREAM);
}

function readAfter(id: string | undefined): number {
  // What a browser sends that has seen no event yet.
  if (id === undefined || id === '') return 0;
  const sequence = sequenceOf(id);
  if (sequence !== undefined) return sequence;
  throw new ThroughlineError('request-invalid', 'Last-Event-ID: and ?after= must be the id of an event');
}
