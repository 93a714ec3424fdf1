/** The parameters of requests in paths, queries and headers. Each is a component of the document. */
import * as z from 'zod';
import { SCHEDULE_NAME } from '../../shared/api/schedule-words.ts';
import { IDEMPOTENCY_KEY, TOKEN } from '../../shared/job/job-address.ts';
import { TAG } from '../../shared/job/job-spec.ts';
import { LIMITS } from '../../shared/job/limits.ts';
import { SEALED } from '../calls/place-seal.ts';
import { LAST_EVENT_ID } from '../http/requests/list-requests.ts';
import { SEALED as SEALED_EXAMPLE } from './examples.ts';

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

export const JobId = z
  .string()
  .regex(TOKEN)
  .meta({
    param: {
      id: 'JobId',
      name: 'id',
      in: 'path',
      description: "The job's id. The id of another tenant's job is answered like an id that does not exist.",
      example: '0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11',
    },
  });

export const ScheduleName = z
  .string()
  .regex(SCHEDULE_NAME)
  .meta({
    param: {
      id: 'ScheduleName',
      name: 'name',
      in: 'path',
      description:
        "The schedule's name. The name of another tenant's schedule is answered like one that does not exist.",
      example: 'nightly-report',
    },
  });

export const RejectedId = z
  .string()
  .regex(TOKEN)
  .meta({
    param: {
      id: 'RejectedId',
      name: 'id',
      in: 'path',
      description:
        "The `id` that `GET /v1/outbox` lists for the rejected job. It is not the job's id (`jobId`).",
      example: '0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11-r17',
    },
  });

export const IdempotencyKey = z
  .string()
  .regex(IDEMPOTENCY_KEY)
  .optional()
  .meta({
    param: {
      id: 'IdempotencyKey',
      name: 'Idempotency-Key',
      in: 'header',
      description:
        'The same key with the same request always gives the same job, as long as the job is kept (7 days after its last event). The bare key, or a string in double quotes (RFC 8941); both mean the same. In a batch, each place in the list has a key of its own, made from this one.',
      example: 'order-4711',
    },
  });

export const PreferWait = optionalHeader('PreferWait', 'Prefer', {
  description: `\`wait=N\`: wait until the job has ended, for at most N seconds (RFC 7240). The most is ${LIMITS.waitSeconds}. Other preferences are ignored.`,
  example: 'wait=10',
});

export const LastEventId = z
  .string()
  .regex(LAST_EVENT_ID)
  .optional()
  .meta({
    param: {
      id: 'LastEventId',
      name: 'Last-Event-ID',
      in: 'header',
      description: 'The id of the last event that you have. The answer has only later events.',
      example: SEALED_EXAMPLE,
    },
  });

export const After = z
  .string()
  .regex(SEALED)
  .optional()
  .meta({
    param: {
      id: 'After',
      name: 'after',
      in: 'query',
      description:
        'The same as `Last-Event-ID`, for clients that cannot set headers. If both are there, the header is used.',
      example: SEALED_EXAMPLE,
    },
  });

/** The filter of lists, in the query. It is sent once for each tag: `tag=night&tag=team:blue`. */
export const TagFilter = z
  .array(z.string().regex(TAG))
  .min(1)
  .max(LIMITS.tags)
  .optional()
  .meta({
    description:
      'Only those that have this tag; sent several times: all of these tags. The page may then be short, or empty, although it has a `cursor`.',
    example: ['night'],
    uniqueItems: true,
  });

export const IfNoneMatch = optionalHeader('IfNoneMatch', 'If-None-Match', {
  description: 'The `ETag` of an earlier answer. If nothing has changed, the answer is 304 without a body.',
});

/** Headers that every request to `/v1` may have. */
export const TRACE_PARAMETERS = [
  optionalHeader('traceparent', 'traceparent', {
    description:
      'The trace to continue (W3C Trace Context). If it is malformed, the request starts a new trace.',
    example: TRACEPARENT,
  }),
  optionalHeader('tracestate', 'tracestate', {
    description: 'Belongs to `traceparent` (W3C Trace Context). It is passed on to the worker of the job.',
    example: 'congo=t61rcWkgMzE',
  }),
  optionalHeader('baggage', 'baggage', {
    description: 'Values to pass on to the worker of the job (W3C Baggage).',
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
