import type { ZodOpenApiExamplesObject, ZodOpenApiResponseObject } from 'zod-openapi';
import { Unreadiness } from '../../shared/api/answers/health.ts';
import { Problem } from '../../shared/api/answers/problem.ts';
import { PROBLEM_MEDIA_TYPE } from '../../shared/api/problem.ts';
import { ERRORS } from '../../shared/error-table.ts';
import type { ApiErrorCode } from '../../shared/errors.ts';
import { type HeaderName, headersNamed } from './headers.ts';
import { describe, ref, type Words } from './schemas/describe.ts';

type Json = Readonly<Record<string, unknown>>;

/** What each error code of the API means, and what its caller can do. */
const MEANINGS: Readonly<Record<ApiErrorCode, string>> = {
  'request-invalid': 'The body, the query or a header is not valid. `violations` lists each place.',
  unauthenticated:
    'The request has no valid key or token. The answer is the same for every reason; only the log of the edge shows the reason.',
  forbidden: 'The key or token does not have the scope that `WWW-Authenticate` names.',
  'route-unknown': 'There is nothing at this path.',
  'method-not-allowed': 'The path does not allow this method. `Allow` lists the methods that it does.',
  'job-unknown': 'You have no job with this id.',
  'dead-letter-unknown': 'You have no dead letter with this id.',
  'schedule-unknown': 'You have no schedule with this name.',
  'cursor-unknown':
    'The cursor or event id does not belong to this list. After a change of the secret that seals them, start again without it.',
  'body-timeout': 'The body did not arrive in time.',
  'not-dead': 'The job exists, but it is not a dead letter.',
  'job-finished': 'The job had already ended and cannot be cancelled. `state` says how it ended.',
  'schedule-busy':
    'The schedule lets no runs overlap (`overlap` is `skip`), and the job of its last run has not ended.',
  'payload-too-large':
    'The body or the input of a job is too large, or the job alone is larger than a quota of its tenant. `detail` names the limit.',
  'media-type-unsupported': 'The body is compressed, or is not sent as `application/json`.',
  'operation-unknown': 'No worker has announced this operation. `suggestions` lists similar names.',
  'operation-unserved':
    'The operation is known, but no worker host serves it now. This deployment refuses such jobs. Try again.',
  'input-invalid': "The input is not valid for the operation's schema. `violations` lists each place.",
  'idempotency-key-reused': 'The `Idempotency-Key` was already used for a different request.',
  'rate-limited':
    'Too many requests of the tenant (`requests`, `locationRequests`), bytes in its bodies, triggers of one schedule, or requests of your address without a valid key or token (`addressRequests`, `failedAuthentication`). Wait as long as `Retry-After` says.',
  'too-many-waits':
    'Too many requests of the tenant wait for the end of a job. Nothing was done: send this one without `Prefer: wait`, or later.',
  'quota-exceeded':
    'The unfinished jobs of the tenant, those of one `unique` key, or the events and dead letters of all its jobs take as much as they may, or it has as many schedules as it may. `quota` names the quota, and `GET /v1/usage` shows all. Wait until some jobs have ended or expired, or delete a schedule.',
  'too-many-streams': 'The tenant has too many open event streams. Close one, or read the events as JSON.',
  internal: 'An error inside the service. The log of the edge has the cause under this `traceId`.',
  'config-invalid': 'The deployment has an invalid setting. `detail` names it.',
  'delay-unsupported': 'The nats-server of this deployment is too old for `delay`.',
  'broker-unavailable': 'NATS cannot be reached or did not answer in time. Try again.',
  'schedules-unavailable': 'The schedules cannot be read or written now. Try again.',
  'broker-refused': 'NATS does not let the bridge do this. The deployment lacks a permission or a stream.',
  'broker-rejected': 'NATS will never take this message. `detail` says why.',
  'record-unreadable':
    'Another program wrote an event of this job that cannot be read, so nobody knows what happened to the job. It ends with this code when a worker takes it.',
  'outbox-share-full':
    'NATS cannot be reached, and your jobs fill your share of the outbox. Rejected jobs count too: remove them, or try again later.',
  'outbox-full': 'NATS cannot be reached and the outbox is full. Try again later.',
  'index-unavailable': 'The list of jobs cannot be read now. Try again.',
  'stream-full': 'The queue, or the room for delayed jobs, is full. Try again later.',
};

/**
 * The answers of an operation for these codes, by HTTP status. Codes with the same status share an answer, which is a
 * component.
 */
export function problemResponses(
  operationId: string,
  codes: readonly ApiErrorCode[],
): Record<string, ZodOpenApiResponseObject> {
  const byStatus = Map.groupBy(codes, (code) => ERRORS[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, together]) => [
      status,
      componentOf(idOf(together, `${operationId}-${status}`), together),
    ]),
  );
}

/** The names of answers that many operations share. */
const SHARED: Readonly<Record<string, string>> = {
  'internal,config-invalid': 'ServerFault',
  'broker-unavailable,broker-refused': 'BrokerFault',
  'broker-unavailable,broker-refused,stream-full': 'QueueFault',
  'rate-limited,quota-exceeded': 'QuotaFault',
};

/** A name for a set of codes. Generators make type names of it, so it stays the same when an operation gets more codes. */
function idOf(codes: readonly ApiErrorCode[], own: string): string {
  return SHARED[codes.join()] ?? pascalCase(codes[1] === undefined ? codes.join() : own);
}

/** By id: zod-openapi takes each id only once. */
const components = new Map<string, ZodOpenApiResponseObject>();

function componentOf(id: string, codes: readonly ApiErrorCode[]): ZodOpenApiResponseObject {
  const known = components.get(id);
  if (known !== undefined) return known;
  const component = { id, ...problemResponse(codes) };
  components.set(id, component);
  return component;
}

function problemResponse(codes: readonly ApiErrorCode[]): ZodOpenApiResponseObject {
  return {
    description: codes.map((code) => `\`${code}\`: ${MEANINGS[code]}`).join('\n\n'),
    headers: headersNamed(headersOf(codes)),
    content: {
      [PROBLEM_MEDIA_TYPE]: {
        schema: { ...ref('Problem'), properties: { code: { enum: [...codes] } } },
        ...examplesOf(codes),
      },
    },
  };
}

function headersOf(codes: readonly ApiErrorCode[]): HeaderName[] {
  const { status } = ERRORS[codes[0] ?? 'internal'];
  const more: Readonly<Record<number, readonly HeaderName[]>> = {
    401: ['WWW-Authenticate'],
    403: ['WWW-Authenticate'],
    415: ['Accept', 'Accept-Encoding'],
    429: ['Retry-After', 'RateLimit'],
    503: ['Retry-After'],
  };
  return ['traceresponse', 'RateLimit-Policy', ...(more[status] ?? [])];
}

function examplesOf(codes: readonly ApiErrorCode[]): { examples?: ZodOpenApiExamplesObject } {
  const examples = codes.flatMap((code) => {
    const value = exampleOf(code);
    return value === undefined ? [] : [[code, { value }]];
  });
  return examples.length === 0 ? {} : { examples: Object.fromEntries(examples) };
}

/** The example for a code. Only codes whose problems have extra fields have one. */
function exampleOf(code: ApiErrorCode): Json | undefined {
  const example = EXAMPLES[code];
  if (example === undefined) return undefined;
  const { title, status } = ERRORS[code];
  const type = `urn:throughline:problem:${code}`;
  return { type, title, status, code, ...example, traceId: '4bf92f3577b34da6a3ce929d0e0e4736' };
}

const EXAMPLES: Readonly<Partial<Record<ApiErrorCode, Json>>> = {
  'request-invalid': {
    detail: '/maxAttempts: must be a whole number from 1 to 100',
    violations: [{ path: '/maxAttempts', message: 'must be a whole number from 1 to 100' }],
  },
  'rate-limited': { detail: 'this tenant sends too much; try again in 1 s', quota: 'requests' },
  'quota-exceeded': {
    detail:
      'the quota jobs is used up: the unfinished jobs of this tenant may have 250000; try again when some of them have ended',
    quota: 'jobs',
  },
  'job-finished': { detail: 'the job had already ended: succeeded', state: 'succeeded' },
  'operation-unknown': {
    detail: 'no worker has announced ecco; did you mean echo?',
    suggestions: ['echo'],
  },
  'input-invalid': {
    detail: 'the input does not fit the schema of text.count: /text must be text, not a number',
    violations: [{ path: '/text', message: 'must be text, not a number' }],
  },
};

function pascalCase(code: string): string {
  return code.replaceAll(/(?:^|-)(.)/g, (_, letter: string) => letter.toUpperCase());
}

const PROBLEM: Words['fields'] = {
  type: { description: 'A URN that ends with the code.', pattern: '^urn:throughline:problem:' },
  title: 'A summary of the code. It is always the same for the same code.',
  status: 'The HTTP status.',
  code: {
    description: 'The error code. Programs can rely on it: it does not change.',
    enum: Object.keys(MEANINGS),
  },
  detail: 'What went wrong this time.',
  traceId: 'The trace of the request. Quote it when you ask for help.',
  state: 'For `job-finished`: the state in which the job ended.',
  quota: 'For the status 429: the quota that is used up, if it has a name.',
  violations: 'Each value that is wrong. `path` is a JSON Pointer into the request.',
  suggestions: 'Known names that are similar to an unknown one.',
};

describe('Problem', Problem, { description: 'An error, as a problem document (RFC 9457).', fields: PROBLEM });

describe('Unreadiness', Unreadiness, {
  description: 'NATS does not answer one of the bridges, or does not do what it needs.',
  fields: { ...PROBLEM, bridges: 'The state of each bridge. Absent if a bridge itself does not answer.' },
});
