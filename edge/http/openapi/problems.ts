import { PROBLEM_MEDIA_TYPE } from '../../../shared/api/problem.ts';
import { ERRORS, type ErrorCode } from '../../../shared/errors.ts';
import type { HeaderName } from './headers.ts';
import type { Json, RouteDescription } from './route-description.ts';

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

/** Every code that a route may answer: what is particular to it, and what holds for all routes like it. */
export function problemsOf({ scope, body, problems = [] }: RouteDescription): ErrorCode[] {
  const codes = new Set<ErrorCode>([
    ...(scope === undefined ? [] : (['unauthenticated', 'forbidden', 'rate-limited'] as const)),
    ...(body === undefined ? [] : BODY_PROBLEMS),
    ...problems,
    'internal',
    'config-invalid',
  ]);
  // In the order of the table, so that the document does not depend on who lists what first.
  return (Object.keys(ERRORS) as ErrorCode[]).filter((code) => codes.has(code));
}

const BODY_PROBLEMS = ['request-invalid', 'payload-too-large', 'media-type-unsupported'] as const;

/** What every route that asks the bridge may answer. */
export const BROKER_PROBLEMS = ['broker-unavailable', 'broker-refused'] as const;

/** The codes of a route by their HTTP status. */
export function byStatus(codes: readonly ErrorCode[]): Map<number, ErrorCode[]> {
  const statuses = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const { status } = ERRORS[code];
    statuses.set(status, [...(statuses.get(status) ?? []), code]);
  }
  return statuses;
}

/** The name of the component for answers with one of these codes: `JobUnknown`, `InternalOrConfigInvalid`. */
export function problemName(codes: readonly ErrorCode[]): string {
  return codes.map(pascalCase).join('Or');
}

/** The component for answers with one of these codes, which have the same status. */
export function problemResponse(codes: readonly ErrorCode[]): Json {
  return {
    description: codes.map((code) => `\`${code}\`: ${meaningOf(code)}`).join('\n\n'),
    headers: Object.fromEntries(
      headersOf(codes).map((name) => [name, { $ref: `#/components/headers/${name}` }]),
    ),
    content: {
      [PROBLEM_MEDIA_TYPE]: {
        schema: { $ref: '#/components/schemas/Problem', properties: { code: { enum: codes } } },
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

function examplesOf(codes: readonly ErrorCode[]): Json {
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
