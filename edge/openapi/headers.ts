import * as z from 'zod';

/** Headers of answers. Each is a component of the document. */
export const HEADERS = {
  traceresponse: header(
    'traceresponse',
    z
      .string()
      .regex(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/)
      .optional(),
    {
      description:
        'The span that this request became (W3C Trace Context Level 2): quote it when you ask for help.',
      example: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
    },
  ),
  Location: header('Location', z.string().meta({ format: 'uri-reference' }), {
    description: 'Where the job is.',
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
        'The seconds that were waited for at most, where `Prefer: wait=N` asked to wait (RFC 7240).',
      example: 'wait=10',
    },
  ),
  'Idempotency-Replayed': header('Idempotency-Replayed', z.literal('true').optional(), {
    description: 'The job was there already: the same `Idempotency-Key` came with the same request before.',
  }),
  'Retry-After': header(
    'Retry-After',
    z
      .string()
      .regex(/^[0-9]+$/)
      .optional(),
    {
      description: 'Seconds after which it makes sense to ask again.',
      example: '2',
    },
  ),
  RateLimit: header('RateLimit', z.string(), {
    description: 'What is left of the quota, and for how long (IETF draft, RateLimit header fields).',
    example: '"tenant";r=0;t=60',
  }),
  'RateLimit-Policy': header('RateLimit-Policy', z.string().optional(), {
    description: 'How many requests a tenant may make in how many seconds, where the deployment has a limit.',
    example: '"tenant";q=100;w=60',
  }),
  'WWW-Authenticate': header('WWW-Authenticate', z.string().regex(/^Bearer /), {
    description: 'How to authenticate; on 403, the scope that is missing (RFC 6750).',
    example: 'Bearer realm="throughline", error="insufficient_scope", scope="jobs:write"',
  }),
  ETag: header('ETag', z.string().regex(/^"[0-9a-f]+"$/), {
    description: 'Changes when the text does; send it back as `If-None-Match`.',
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
