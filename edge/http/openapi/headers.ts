import type { Json } from './route-description.ts';

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

/** Headers of answers. */
export const HEADERS = {
  traceresponse: {
    description:
      'The span that this request became (W3C Trace Context Level 2): quote it when you ask for help.',
    schema: { type: 'string', pattern: '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$' },
    example: TRACEPARENT,
  },
  Location: {
    required: true,
    description: 'Where the job is.',
    schema: { type: 'string', format: 'uri-reference' },
    example: '/v1/jobs/0190f5a1-7c1e-7d3a-9c55-6a1f0c2b7e11',
  },
  'Preference-Applied': {
    description: 'The seconds that were waited for at most, where `Prefer: wait=N` asked to wait (RFC 7240).',
    schema: { type: 'string', pattern: '^wait=[0-9]+$' },
    example: 'wait=10',
  },
  'Idempotency-Replayed': {
    description: 'The job was there already: the same `Idempotency-Key` came with the same request before.',
    schema: { const: 'true' },
  },
  'Retry-After': {
    description: 'Seconds after which it makes sense to ask again.',
    schema: { type: 'string', pattern: '^[0-9]+$' },
    example: '2',
  },
  RateLimit: {
    required: true,
    description: 'What is left of the quota, and for how long (IETF draft, RateLimit header fields).',
    schema: { type: 'string' },
    example: '"tenant";r=0;t=60',
  },
  'RateLimit-Policy': {
    description: 'How many requests a tenant may make in how many seconds, where the deployment has a limit.',
    schema: { type: 'string' },
    example: '"tenant";q=100;w=60',
  },
  'WWW-Authenticate': {
    required: true,
    description: 'How to authenticate; on 403, the scope that is missing (RFC 6750).',
    schema: { type: 'string', pattern: '^Bearer ' },
    example: 'Bearer realm="throughline", error="insufficient_scope", scope="jobs:write"',
  },
  ETag: {
    required: true,
    description: 'Changes when the text does; send it back as `If-None-Match`.',
    schema: { type: 'string', pattern: '^"[0-9a-f]+"$' },
  },
} as const satisfies Record<string, Json>;

export type HeaderName = keyof typeof HEADERS;
