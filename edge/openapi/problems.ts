import type { ZodOpenApiExamplesObject, ZodOpenApiResponseObject } from 'zod-openapi';
import { PROBLEM_MEDIA_TYPE } from '../../shared/api/problem.ts';
import { ERRORS, type ErrorCode } from '../../shared/errors.ts';
import { type HeaderName, headersNamed } from './headers.ts';
import { ref } from './schemas/describe.ts';

type Json = Readonly<Record<string, unknown>>;

/** What each code that the API answers means to a caller, and what to do about it. */
export const MEANINGS: Readonly<Partial<Record<ErrorCode, string>>> = {
  'request-invalid': 'The body, the query or a header is wrong; `violations` says where.',
  unauthenticated:
    'No key or token, or not a valid one. The answer is the same for every reason; the log of the edge tells them apart.',
  forbidden: 'The key or token lacks the scope that `WWW-Authenticate` names.',
  'route-unknown': 'There is nothing at this path.',
  'method-not-allowed': 'The path knows other methods: `Allow` names them.',
  'job-unknown': 'No job of yours has this id.',
  'dead-letter-unknown': 'No dead letter of yours has this id.',
  'not-dead': 'The job is there, but it is under way, or ended in another way.',
  'job-finished': 'The job had ended before it could be cancelled; `state` says how.',
  'payload-too-large': 'The body, or the input of a job, is too large; `detail` names the limit.',
  'media-type-unsupported': 'The body is not sent as `application/json`, or it is compressed.',
  'operation-unknown': 'No worker has announced this operation; `suggestions` holds names that are near.',
  'input-invalid': "The input does not fit the operation's schema; `violations` holds the places.",
  'idempotency-key-reused': 'The `Idempotency-Key` came with another request before.',
  'rate-limited': 'Too many requests of this tenant: wait as long as `Retry-After` says.',
  'too-many-streams':
    'Too many event streams of this tenant are open: close one, or read the events as JSON.',
  internal: 'A fault of ours. The log of the edge has it under this `traceId`.',
  'config-invalid': 'The deployment has a wrong setting; `detail` names it.',
  'delay-unsupported': 'The nats-server behind this deployment is too old for `delay`.',
  'broker-unavailable':
    'NATS cannot be reached, or did not answer in time, and only it can answer this: try again. A submission goes to the outbox instead, unless its operation is not known here.',
  'broker-refused': 'NATS does not let the bridge do this: the deployment lacks a permission or a stream.',
  'broker-rejected': 'NATS will not take this message, ever; `detail` says why.',
  'outbox-full': 'NATS cannot be reached, and no more jobs can be kept for it: try again later.',
  'index-unavailable': 'The list cannot be read now: try again.',
  'stream-full': 'The queue has no room now: try again later.',
};

/** The answers for these codes, by HTTP status. Codes with the same status share an answer, which is a component. */
export function problemResponses(codes: readonly ErrorCode[]): Record<string, ZodOpenApiResponseObject> {
  const byStatus = Map.groupBy(codes, (code) => ERRORS[code].status);
  return Object.fromEntries([...byStatus].map(([status, together]) => [status, componentOf(together)]));
}

/** By id, since the document takes an id only once. */
const components = new Map<string, ZodOpenApiResponseObject>();

function componentOf(codes: readonly ErrorCode[]): ZodOpenApiResponseObject {
  const id = codes.map(pascalCase).join('Or');
  const known = components.get(id);
  if (known !== undefined) return known;
  const component = { id, ...problemResponse(codes) };
  components.set(id, component);
  return component;
}

function problemResponse(codes: readonly ErrorCode[]): ZodOpenApiResponseObject {
  return {
    description: codes.map((code) => `\`${code}\`: ${meaningOf(code)}`).join('\n\n'),
    headers: headersNamed(headersOf(codes)),
    content: {
      [PROBLEM_MEDIA_TYPE]: {
        schema: { ...ref('Problem'), properties: { code: { enum: [...codes] } } },
        ...examplesOf(codes),
      },
    },
  };
}

function headersOf(codes: readonly ErrorCode[]): HeaderName[] {
  const { status } = ERRORS[codes[0] ?? 'internal'];
  const more: Readonly<Record<number, readonly HeaderName[]>> = {
    401: ['WWW-Authenticate'],
    403: ['WWW-Authenticate'],
    429: ['Retry-After', 'RateLimit', 'RateLimit-Policy'],
    503: ['Retry-After'],
  };
  return ['traceresponse', ...(more[status] ?? [])];
}

function meaningOf(code: ErrorCode): string {
  const meaning = MEANINGS[code];
  if (meaning === undefined) throw new Error(`MEANINGS lacks ${code}`);
  return meaning;
}

function examplesOf(codes: readonly ErrorCode[]): { examples?: ZodOpenApiExamplesObject } {
  const examples = codes.flatMap((code) => {
    const value = exampleOf(code);
    return value === undefined ? [] : [[code, { value }]];
  });
  return examples.length === 0 ? {} : { examples: Object.fromEntries(examples) };
}

/** Only the problems that hold more than words are shown. */
function exampleOf(code: ErrorCode): Json | undefined {
  const example = EXAMPLES[code];
  if (example === undefined) return undefined;
  const { title, status } = ERRORS[code];
  const type = `urn:throughline:problem:${code}`;
  return { type, title, status, code, ...example, traceId: '4bf92f3577b34da6a3ce929d0e0e4736' };
}

const EXAMPLES: Readonly<Partial<Record<ErrorCode, Json>>> = {
  'request-invalid': {
    detail: '/maxAttempts: Too small: expected number to be >=1',
    violations: [{ path: '/maxAttempts', message: 'Too small: expected number to be >=1' }],
  },
  'job-finished': { detail: 'the job had ended before: succeeded', state: 'succeeded' },
  'operation-unknown': {
    detail: 'no worker has announced ecco; did you mean echo?',
    suggestions: ['echo'],
  },
  'input-invalid': {
    detail: 'the input does not fit the schema of text.count: /text must be a string',
    violations: [{ path: '/text', message: 'must be a string' }],
  },
};

function pascalCase(code: string): string {
  return code.replaceAll(/(?:^|-)(.)/g, (_, letter: string) => letter.toUpperCase());
}
