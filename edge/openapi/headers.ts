import * as z from 'zod';

/** The headers of answers. Each is a component of the document. */
export const HEADERS = {
  traceresponse: header(
    'traceresponse',
    z
      .string()
      .regex(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/)
      .optional(),
    {
      description:
        'The trace and span of this request (W3C Trace Context Level 2). Quote it when you ask for help.',
      example: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    },
  ),
  Location: header('Location', z.string().meta({ format: 'uri-reference' }), {
    description: 'The path of the job, the schedule or the page.',
    example: '/v1/jobs/0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11',
  }),
  'Preference-Applied': header(
    'Preference-Applied',
    z
      .string()
      .regex(/^wait=[0-9]+$/)
      .optional(),
    {
      description:
        'The preference that was applied, for a request with `Prefer: wait=N` (RFC 7240). N is the most seconds that the request waited.',
      example: 'wait=10',
    },
  ),
  'Idempotency-Replayed': header('Idempotency-Replayed', z.literal('true').optional(), {
    description: 'The job already existed: the same request with the same `Idempotency-Key` came before.',
  }),
  'Unique-Existing': header('Unique-Existing', z.literal('true').optional(), {
    description: 'The job was there already, with the same `unique` key.',
  }),
  'Retry-After': header(
    'Retry-After',
    z
      .string()
      .regex(/^[0-9]+$/)
      .optional(),
    {
      description: 'How many seconds to wait before the next try.',
      example: '2',
    },
  ),
  RateLimit: header('RateLimit', z.string().optional(), {
    description:
      'The quota that is used up: how much is left (`r`), and in how many seconds there is more (`t`). Only in refusals (draft-ietf-httpapi-ratelimit-headers-10).',
    example: '"requests";r=0;t=1',
  }),
  'RateLimit-Policy': header('RateLimit-Policy', z.string().optional(), {
    description:
      'The limits of the tenant for requests: so many (`q`) in so many seconds (`w`). In a refusal also the quota that is used up; without `w` it holds for what there is at one time. The names are those of `quota` in a problem.',
    example: '"requests";q=20000;w=10',
  }),
  'WWW-Authenticate': header('WWW-Authenticate', z.string().regex(/^Bearer /), {
    description: 'How to authenticate. For 403 it names the missing scope (RFC 6750).',
    example: 'Bearer realm="throughline", error="insufficient_scope", scope="jobs:write"',
  }),
  Accept: header('Accept', z.literal('application/json').optional(), {
    description: 'The media type that the body must have, where it had another one.',
  }),
  'Accept-Encoding': header('Accept-Encoding', z.literal('identity').optional(), {
    description: 'The body must not be compressed, where it was.',
  }),
  ETag: header('ETag', z.string().regex(/^"[0-9a-f]+"$/), {
    description: 'Changes when the text changes.',
  }),
} as const;

export type HeaderName = keyof typeof HEADERS;

function header<Schema extends z.ZodType>(
  id: string,
  schema: Schema,
  words: { readonly description: string; readonly example?: string },
): Schema {
  return schema.meta({ ...schema.meta(), header: { id, ...words } });
}

/** The headers of an answer. */
export function headersNamed(names: readonly HeaderName[]): z.ZodObject {
  return z.object(Object.fromEntries(names.map((name) => [name, HEADERS[name]])));
}
