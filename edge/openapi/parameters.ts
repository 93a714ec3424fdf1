/** What requests carry besides a body: parts of paths, queries and headers. Each is a component of the document. */
import * as z from 'zod';
import { LIMITS } from '../../shared/job/job.ts';
import { TOKEN } from '../../shared/wire/subjects.ts';

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const EventId = z.string().regex(/^[0-9]{1,15}$/);

export const JobId = z
  .string()
  .regex(TOKEN)
  .meta({
    param: {
      ...{ id: 'JobId', name: 'id', in: 'path' },
      description: "A job's id. One that is not yours is answered like one that is nobody's.",
      example: '0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11',
    },
  });

export const IdempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,255}$/)
  .optional()
  .meta({
    param: {
      ...{ id: 'IdempotencyKey', name: 'Idempotency-Key', in: 'header' },
      description:
        'The same key with the same request means the same job, for as long as the job is kept (7 days after its last event). In a batch it counts for each place in the list.',
      example: 'order-4711',
    },
  });

export const PreferWait = optionalHeader('PreferWait', 'Prefer', {
  description: `\`wait=N\`: answer when the job has ended, or after N seconds, at most ${LIMITS.waitSeconds} (RFC 7240). Other preferences are ignored.`,
  example: 'wait=10',
});

export const LastEventId = EventId.optional().meta({
  param: {
    ...{ id: 'LastEventId', name: 'Last-Event-ID', in: 'header' },
    description: 'The id of the last event that you have: only later ones are told.',
    example: '4711',
  },
});

export const After = EventId.optional().meta({
  param: {
    ...{ id: 'After', name: 'after', in: 'query' },
    description: 'The same as `Last-Event-ID`, for who cannot set headers; the header wins.',
    example: '4711',
  },
});

export const IfNoneMatch = optionalHeader('IfNoneMatch', 'If-None-Match', {
  description: 'The `ETag` of an answer before: 304 when nothing has changed.',
});

/** Headers that every request to `/v1` may have. */
export const TRACE_PARAMETERS = [
  optionalHeader('traceparent', 'traceparent', {
    description:
      'The trace to continue (W3C Trace Context). One that is malformed costs nothing: the request then starts a trace of its own.',
    example: TRACEPARENT,
  }),
  optionalHeader('tracestate', 'tracestate', {
    description: 'Goes with `traceparent`, and with the job to its worker.',
    example: 'congo=t61rcWkgMzE',
  }),
  optionalHeader('baggage', 'baggage', {
    description: 'Goes with the job to its worker (W3C Baggage).',
    example: 'plan=pro',
  }),
];

/** A header of any text. */
function optionalHeader(
  id: string,
  name: string,
  words: { readonly description: string; readonly example?: string },
) {
  return z
    .string()
    .optional()
    .meta({ param: { id, name, in: 'header', ...words } });
}
