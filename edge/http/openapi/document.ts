import * as z from 'zod';
import type { ErrorCode } from '../../../shared/errors.ts';
import { HEADERS, type HeaderName } from './headers.ts';
import { PARAMETERS } from './parameters.ts';
import { byStatus, problemName, problemResponse, problemsOf } from './problems.ts';
import type { Answer, Content, Json, QueryDescription, RouteDescription } from './route-description.ts';
import { componentSchemas, refOf } from './schemas.ts';
import { TRACE_PARAMETERS } from './trace-parameters.ts';

/** The OpenAPI 3.1 document of the API, as far as this project reads it. */
export interface OpenApiDocument extends Json {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Json>>>>;
}

const INFO = {
  title: 'Throughline',
  summary: 'Jobs over HTTP, each as one trace.',
  description: [
    'Submit a job, and a worker on your own machines runs it; the trace of the request goes with it and comes back.',
    'Every request to `/v1` needs an API key or a JWT as `Authorization: Bearer …`; it says whose jobs the request is about, and which scopes the caller has.',
    'Errors are problem documents (RFC 9457, `application/problem+json`) with a stable `code` and the `traceId`. A path that is not here is answered with 404 `route-unknown`, a method that is not here with 405 `method-not-allowed` and `Allow`.',
  ].join('\n\n'),
  license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
} as const;

const TAGS = [
  { name: 'Jobs', description: 'Submit, read, watch and cancel jobs.' },
  {
    name: 'Dead letters',
    description: 'Jobs whose attempts are spent: look at them, and redrive them.',
  },
  { name: 'Outbox', description: 'Jobs that are accepted, and that NATS does not have.' },
  { name: 'Operations', description: 'What can be run.' },
  { name: 'Health', description: 'For load balancers and people on call; open to all.' },
  { name: 'Documents', description: 'This description; open to all.' },
] as const;

/**
 * The OpenAPI 3.1 document of these routes: the same text for the same routes.
 * @param version of the API
 * @throws Error when a schema is not among the components, or something is not described
 */
export function openApiDocument(routes: readonly RouteDescription[], version: string): OpenApiDocument {
  const responses = new Map<string, Json>();
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    const methods = paths[route.path] ?? {};
    methods[route.method] = operationOf(route, responses);
    paths[route.path] = methods;
  }
  return {
    openapi: '3.1.0',
    info: { ...INFO, version },
    servers: [{ url: '/' }],
    tags: TAGS,
    paths,
    components: {
      schemas: componentSchemas(),
      responses: Object.fromEntries([...responses].sort(([a], [b]) => (a < b ? -1 : 1))),
      parameters: PARAMETERS,
      headers: HEADERS,
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description:
            'An API key (`tl_…`, see `throughline keys create`), or a JWT of the issuer that the deployment trusts. The roles are its scopes.',
        },
      },
    },
  };
}

function operationOf(route: RouteDescription, responses: Map<string, Json>): Json {
  const { operationId, tag, summary, description, scope, body } = route;
  const parameters = parametersOf(route);
  return {
    operationId,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    security: scope === undefined ? [] : [{ bearer: [scope] }],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': contentOf(body) } } }),
    responses: { ...answersOf(route), ...problemAnswers(problemsOf(route), responses) },
  };
}

function parametersOf({ parameters = [], query, scope }: RouteDescription): Json[] {
  const common = scope === undefined ? [] : TRACE_PARAMETERS;
  return [
    ...parameters.map((name) => ({ $ref: `#/components/parameters/${name}` })),
    ...(query === undefined ? [] : queryParameters(query)),
    ...common.map((name) => ({ $ref: `#/components/parameters/${name}` })),
  ];
}

/** A query is text; what the schema makes of it says more, where zod can tell. */
function queryParameters({ schema, fields }: QueryDescription): Json[] {
  return Object.keys(schema.shape).map((name) => {
    const field = fields[name];
    if (field === undefined) throw new Error(`the query parameter ${name} is not described`);
    const { description } = field;
    return { name, in: 'query', description, schema: field.schema ?? schemaOfQuery(schema.shape[name]) };
  });
}

function schemaOfQuery(schema: z.core.$ZodType | undefined): Json {
  if (!(schema instanceof z.ZodType)) throw new Error('a query parameter without a schema');
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io: 'output' });
  return json;
}

function answersOf({ answers, scope }: RouteDescription): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(answers).map(([status, answer]) => [status, answerOf(answer, scope !== undefined)]),
  );
}

function answerOf({ description, headers = [], content }: Answer, limited: boolean): Json {
  const names: HeaderName[] = [
    'traceresponse',
    ...headers,
    ...(limited ? (['RateLimit-Policy'] as const) : []),
  ];
  return {
    description,
    headers: Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }])),
    ...(content === undefined
      ? {}
      : {
          content: Object.fromEntries(Object.entries(content).map(([type, of]) => [type, contentOf(of)])),
        }),
  };
}

function contentOf({ schema, examples, event }: Content): Json {
  return {
    schema: schema instanceof z.ZodType ? refOf(schema) : schema,
    ...(examples === undefined
      ? {}
      : {
          examples: Object.fromEntries(Object.entries(examples).map(([name, value]) => [name, { value }])),
        }),
    // OpenAPI 3.1 has no words for the items of a stream.
    ...(event === undefined ? {} : { 'x-event-data': refOf(event) }),
  };
}

function problemAnswers(codes: readonly ErrorCode[], responses: Map<string, Json>): Record<string, Json> {
  return Object.fromEntries(
    [...byStatus(codes)].map(([status, together]) => {
      const name = problemName(together);
      if (!responses.has(name)) responses.set(name, problemResponse(together));
      return [String(status), { $ref: `#/components/responses/${name}` }];
    }),
  );
}
