import type * as z from 'zod';
import type {
  ZodOpenApiContentObject,
  ZodOpenApiMediaTypeObject,
  ZodOpenApiOperationObject,
  ZodOpenApiRequestBodyObject,
  ZodOpenApiResponseObject,
} from 'zod-openapi';
import type { AccessScope } from '../../shared/api/access.ts';
import { API_ERROR_CODES, type ApiErrorCode } from '../../shared/errors.ts';
import { type HeaderName, headersNamed } from './headers.ts';
import { TRACE_PARAMETERS } from './parameters.ts';
import { problemResponses } from './problems.ts';

/** The parts of an OpenAPI operation that differ between operations. {@link operation} adds the parts that all share. */
export interface Operation
  extends Pick<ZodOpenApiOperationObject, 'description' | 'parameters' | 'requestParams' | 'requestBody'> {
  readonly tag: 'Jobs' | 'Dead letters' | 'Schedules' | 'Outbox' | 'Operations' | 'Health' | 'Documents';
  /** A unique name. Client generators use it as the name of a method. */
  readonly operationId: string;
  readonly summary: string;
  /** The scope that the key or token must have, or all of them. Undefined: the operation is open to all. */
  readonly scope?: AccessScope | readonly AccessScope[];
  /** The answers that are not problem documents, by status. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** Error codes besides those that the rules add. */
  readonly problems?: readonly ApiErrorCode[];
}

export interface Answer {
  readonly description: string;
  readonly headers?: readonly HeaderName[];
  /** By media type. Absent: the answer has no body. */
  readonly content?: ZodOpenApiContentObject;
}

/** A schema for each field of a query. The document shows these, because the query's own schema takes text and converts it. */
export type QueryFields<Schema extends z.ZodObject> = Record<keyof Schema['shape'], z.ZodType>;

/** The error codes of operations with a scope: each checks the key, its scope, the rate and the names in the query. */
const SCOPE_PROBLEMS = ['unauthenticated', 'forbidden', 'rate-limited', 'request-invalid'] as const;
/** The error codes of operations that are open to all: each only counts the requests of an address. */
const OPEN_PROBLEMS = ['rate-limited'] as const;
const BODY_PROBLEMS = ['body-timeout', 'payload-too-large', 'media-type-unsupported'] as const;

/** The error codes of every operation that calls a bridge. */
export const BROKER_PROBLEMS = ['broker-unavailable', 'broker-refused'] as const;

/** Adds what the rules of this API say: the scope, trace headers, headers of answers, and error codes. */
export function operation(described: Operation): ZodOpenApiOperationObject {
  const { tag, scope, answers, problems, parameters = [], ...rest } = described;
  const all = [...parameters, ...(scope === undefined ? [] : TRACE_PARAMETERS)];
  return {
    ...rest,
    tags: [tag],
    security: scope === undefined ? [] : [{ bearer: [scope].flat() }],
    ...(all.length === 0 ? {} : { parameters: all }),
    responses: { ...answersOf(described), ...problemResponses(described.operationId, problemsOf(described)) },
  };
}

/** A request body of JSON. Each example has a name. */
export function jsonBody(
  schema: z.ZodType,
  examples: Readonly<Record<string, unknown>>,
): ZodOpenApiRequestBodyObject {
  return { required: true, content: { 'application/json': media(schema, examples) } };
}

/** An answer of JSON. Each example has a name. */
export function json(
  description: string,
  schema: z.ZodType,
  examples?: Readonly<Record<string, unknown>>,
  headers: readonly HeaderName[] = [],
): Answer {
  return { description, headers, content: { 'application/json': media(schema, examples) } };
}

/** A body of any media type. Each example has a name. */
export function media(
  schema: ZodOpenApiMediaTypeObject['schema'] & {},
  examples?: Readonly<Record<string, unknown>>,
): ZodOpenApiMediaTypeObject {
  if (examples === undefined) return { schema };
  const named = Object.entries(examples).map(([name, value]) => [name, { value }]);
  return { schema, examples: Object.fromEntries(named) };
}

function answersOf({ answers }: Operation): Record<string, ZodOpenApiResponseObject> {
  return Object.fromEntries(
    Object.entries(answers).map(([status, { headers = [], ...answer }]) => [
      status,
      { ...answer, headers: headersNamed(['traceresponse', 'RateLimit-Policy', ...headers]) },
    ]),
  );
}

/** All error codes of an operation, in the order of the table `API_ERROR_CODES`. */
function problemsOf({ scope, requestBody, problems = [] }: Operation): ApiErrorCode[] {
  const codes = new Set<ApiErrorCode>([
    ...(scope === undefined ? OPEN_PROBLEMS : SCOPE_PROBLEMS),
    ...(requestBody === undefined ? [] : BODY_PROBLEMS),
    ...problems,
    'internal',
    'config-invalid',
  ]);
  return API_ERROR_CODES.filter((code) => codes.has(code));
}
