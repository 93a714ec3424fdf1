import type * as z from 'zod';
import type {
  ZodOpenApiContentObject,
  ZodOpenApiMediaTypeObject,
  ZodOpenApiOperationObject,
  ZodOpenApiRequestBodyObject,
  ZodOpenApiResponseObject,
} from 'zod-openapi';
import type { AccessScope } from '../../shared/api/access-scope.ts';
import { ERRORS, type ErrorCode } from '../../shared/errors.ts';
import { type HeaderName, headersNamed } from './headers.ts';
import { TRACE_PARAMETERS } from './parameters.ts';
import { problemResponses } from './problems.ts';

/** An operation in OpenAPI's words. What follows from rules of this API is left out, and {@link operation} adds it. */
export interface Operation
  extends Pick<ZodOpenApiOperationObject, 'description' | 'parameters' | 'requestParams' | 'requestBody'> {
  readonly tag: 'Jobs' | 'Dead letters' | 'Outbox' | 'Operations' | 'Health' | 'Documents';
  /** Unique; generators of clients name a method for it. */
  readonly operationId: string;
  readonly summary: string;
  /** What the key or token must allow; undefined: the operation is open to all. */
  readonly scope?: AccessScope;
  /** By status: the answers that are no problem documents. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** Error codes, besides those of every operation like it. */
  readonly problems?: readonly ErrorCode[];
}

export interface Answer {
  readonly description: string;
  readonly headers?: readonly HeaderName[];
  /** By media type; absent: no body. */
  readonly content?: ZodOpenApiContentObject;
}

/** Fields of a schema of a query, each with a schema of its own for the document. */
export type QueryFields<Schema extends z.ZodObject> = Record<keyof Schema['shape'], z.ZodType>;

const SCOPE_PROBLEMS = ['unauthenticated', 'forbidden', 'rate-limited'] as const;
const BODY_PROBLEMS = ['request-invalid', 'payload-too-large', 'media-type-unsupported'] as const;

/** What every operation that asks a bridge may answer. */
export const BROKER_PROBLEMS = ['broker-unavailable', 'broker-refused'] as const;

/** The whole operation: with the scope, the trace headers, the headers and the problems that the rules of this API add. */
export function operation(described: Operation): ZodOpenApiOperationObject {
  const { tag, scope, answers, problems, parameters = [], ...rest } = described;
  const all = [...parameters, ...(scope === undefined ? [] : TRACE_PARAMETERS)];
  return {
    ...rest,
    tags: [tag],
    security: scope === undefined ? [] : [{ bearer: [scope] }],
    ...(all.length === 0 ? {} : { parameters: all }),
    responses: { ...answersOf(described), ...problemResponses(problemsOf(described)) },
  };
}

/** A body of JSON, with examples by name. */
export function jsonBody(
  schema: z.ZodType,
  examples: Readonly<Record<string, unknown>>,
): ZodOpenApiRequestBodyObject {
  return { required: true, content: { 'application/json': media(schema, examples) } };
}

/** An answer of JSON, with examples by name. */
export function json(
  description: string,
  schema: z.ZodType,
  examples?: Readonly<Record<string, unknown>>,
  headers: readonly HeaderName[] = [],
): Answer {
  return { description, headers, content: { 'application/json': media(schema, examples) } };
}

/** A body of one media type, with examples by name. */
export function media(
  schema: ZodOpenApiMediaTypeObject['schema'] & {},
  examples?: Readonly<Record<string, unknown>>,
): ZodOpenApiMediaTypeObject {
  if (examples === undefined) return { schema };
  const named = Object.entries(examples).map(([name, value]) => [name, { value }]);
  return { schema, examples: Object.fromEntries(named) };
}

function answersOf({ answers, scope }: Operation): Record<string, ZodOpenApiResponseObject> {
  const limited: readonly HeaderName[] = scope === undefined ? [] : ['RateLimit-Policy'];
  return Object.fromEntries(
    Object.entries(answers).map(([status, { headers = [], ...answer }]) => [
      status,
      { ...answer, headers: headersNamed(['traceresponse', ...headers, ...limited]) },
    ]),
  );
}

/** Every error code that an operation may answer, in the order of the table of errors. */
function problemsOf({ scope, requestBody, problems = [] }: Operation): ErrorCode[] {
  const codes = new Set<ErrorCode>([
    ...(scope === undefined ? [] : SCOPE_PROBLEMS),
    ...(requestBody === undefined ? [] : BODY_PROBLEMS),
    ...problems,
    'internal',
    'config-invalid',
  ]);
  return (Object.keys(ERRORS) as ErrorCode[]).filter((code) => codes.has(code));
}
