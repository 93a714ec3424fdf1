import { createDocument, type ZodOpenApiOverride } from 'zod-openapi';
import { deadLetterPaths } from './paths/dead-letters.ts';
import { documentPaths } from './paths/documents.ts';
import { healthPaths } from './paths/health.ts';
import { jobPaths } from './paths/jobs.ts';
import { operationPaths } from './paths/operations.ts';
import { outboxPaths } from './paths/outbox.ts';
import { schedulePaths } from './paths/schedules.ts';
import { usagePaths } from './paths/usage.ts';
import './schemas/bridges.ts';
import './schemas/dead-letters.ts';
import { inWords, type JsonSchema } from './schemas/describe.ts';
import './schemas/events.ts';
import './schemas/jobs.ts';
import './schemas/operations.ts';
import './schemas/schedules.ts';
import './schemas/usage.ts';

const INFO = {
  title: 'Throughline',
  summary: 'Jobs over HTTP, each with one trace.',
  description: [
    'You submit a job, and a worker on your own machines runs it. One trace covers the request, the job and its result.',
    'Every request to `/v1` needs an API key or a JWT as `Authorization: Bearer …`. It identifies the tenant, whose jobs the request is about, and the scopes that the caller has.',
    'An error is a problem document (RFC 9457, `application/problem+json`) with a `code` that does not change and a `traceId`. An unknown path is answered with 404 `route-unknown`, an unknown method with 405 `method-not-allowed` and the header `Allow`. OPTIONS is answered with `Allow` too.',
    'A field of a body and a parameter of a query that the API does not know is an error (400); the paths that are open to all ignore the query. A header that is not named here has no effect. Answers below `/v1` have `Cache-Control: no-store`.',
    'A number in a body that a double cannot hold, such as 9007199254740993 or 1e400, is an error: send it as a string. So is a name that an object has twice.',
  ].join('\n\n'),
  license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
} as const;

const TAGS = [
  { name: 'Jobs', description: 'Submit, read, watch and cancel jobs.' },
  {
    name: 'Dead letters',
    description: 'Jobs that failed for good. Read them, and redrive them.',
  },
  { name: 'Schedules', description: 'Jobs that run again and again, at times of your choice.' },
  {
    name: 'Outbox',
    description: 'Accepted jobs that NATS does not have, because it is away or will not take them.',
  },
  { name: 'Operations', description: 'What can be run: the operations that workers have announced.' },
  { name: 'Health', description: 'For load balancers and people on call.' },
  { name: 'Documents', description: 'This description. Open to all.' },
] as const;

/** The order of the operations in the document. */
const PATHS = {
  ...jobPaths,
  ...deadLetterPaths,
  ...schedulePaths,
  ...outboxPaths,
  ...operationPaths,
  ...usagePaths,
  ...healthPaths,
  ...documentPaths,
};

const BEARER = {
  type: 'http',
  scheme: 'bearer',
  description:
    'An API key (`tl_…`, made with `throughline keys create`), or a JWT from the issuer that the deployment trusts. Each operation names the scope that it needs.',
} as const;

/**
 * The OpenAPI 3.1 document of the API. The same routes always give the same text.
 * @param version of the API
 * @throws Error when a field of a component is not described
 */
export function openApiDocument(version: string): ReturnType<typeof createDocument> {
  const document = createDocument(
    {
      openapi: '3.1.0',
      info: { ...INFO, version },
      servers: [{ url: '/' }],
      tags: [...TAGS],
      paths: PATHS,
      components: { securitySchemes: { bearer: BEARER } },
    },
    // `input` of a job is required and can be any value.
    { override: tidy, allowEmptySchema: { nonoptional: true } },
  );
  const { schemas = {}, responses = {}, ...components } = document.components ?? {};
  const described = Object.entries(schemas).map(([id, schema]) => [id, inWords(id, schema as JsonSchema)]);
  return {
    ...document,
    components: {
      schemas: sorted(Object.fromEntries(described)),
      responses: sorted(responses),
      ...components,
    },
  };
}

const tidy: ZodOpenApiOverride = ({ jsonSchema, zodSchema, io }) => {
  const { def } = zodSchema._zod;
  // A later version may add fields to an answer.
  if (io === 'output' && def.type === 'object' && def.catchall === undefined)
    delete jsonSchema.additionalProperties;
  // These limits are JavaScript's, not the API's. And a format needs no pattern of 300 characters next to it.
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
  // No value of this API fits two parts of a union, and generators read `oneOf` better than `anyOf`.
  if (jsonSchema.anyOf !== undefined) {
    jsonSchema.oneOf = jsonSchema.anyOf;
    delete jsonSchema.anyOf;
  }
  // In OpenAPI, `readOnly` is about requests. zod writes it for a list that TypeScript code must not change.
  delete jsonSchema.readOnly;
};

function sorted<Value>(values: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
}
