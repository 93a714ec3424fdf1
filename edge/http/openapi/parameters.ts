import { LIMITS } from '../../../shared/job/job.ts';
import { TOKEN } from '../../../shared/wire/subjects.ts';
import type { Json } from './route-description.ts';

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const EVENT_ID = { type: 'string', pattern: '^[0-9]{1,15}$' };

/** What requests carry besides a body: parts of paths, and headers. */
export const PARAMETERS = {
  JobId: {
    name: 'id',
    in: 'path',
    required: true,
    description: "A job's id. One that is not yours is answered like one that is nobody's.",
    schema: { type: 'string', pattern: TOKEN.source },
    example: '0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11',
  },
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    description:
      'The same key with the same request means the same job, for as long as the job is kept (7 days after its last event). In a batch it counts for each place in the list.',
    schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,255}$' },
    example: 'order-4711',
  },
  PreferWait: {
    name: 'Prefer',
    in: 'header',
    description: `\`wait=N\`: answer when the job has ended, or after N seconds, at most ${LIMITS.waitSeconds} (RFC 7240). Other preferences are ignored.`,
    schema: { type: 'string' },
    example: 'wait=10',
  },
  LastEventId: {
    name: 'Last-Event-ID',
    in: 'header',
    description: 'The id of the last event that you have: only later ones are told.',
    schema: EVENT_ID,
    example: '4711',
  },
  After: {
    name: 'after',
    in: 'query',
    description: 'The same as `Last-Event-ID`, for who cannot set headers; the header wins.',
    schema: EVENT_ID,
    example: '4711',
  },
  IfNoneMatch: {
    name: 'If-None-Match',
    in: 'header',
    description: 'The `ETag` of an answer before: 304 when nothing has changed.',
    schema: { type: 'string' },
  },
  traceparent: {
    name: 'traceparent',
    in: 'header',
    description:
      'The trace to continue (W3C Trace Context). One that is malformed costs nothing: the request then starts a trace of its own.',
    schema: { type: 'string' },
    example: TRACEPARENT,
  },
  tracestate: {
    name: 'tracestate',
    in: 'header',
    description: 'Goes with `traceparent`, and with the job to its worker.',
    schema: { type: 'string' },
    example: 'congo=t61rcWkgMzE',
  },
  baggage: {
    name: 'baggage',
    in: 'header',
    description: 'Goes with the job to its worker (W3C Baggage).',
    schema: { type: 'string' },
    example: 'plan=pro',
  },
} as const satisfies Record<string, Json>;

export type ParameterName = keyof typeof PARAMETERS;
