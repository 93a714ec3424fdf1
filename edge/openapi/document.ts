import { createDocument, type ZodOpenApiOverride } from 'zod-openapi';
import { deadLetterPaths } from './paths/dead-letters.ts';
import { documentPaths } from './paths/documents.ts';
import { healthPaths } from './paths/health.ts';
import { jobPaths } from './paths/jobs.ts';
import { operationPaths } from './paths/operations.ts';
import { outboxPaths } from './paths/outbox.ts';
import './schemas/bridges.ts';
import './schemas/dead-letters.ts';
import { inWords, type JsonSchema } from './schemas/describe.ts';
import './schemas/events.ts';
import './schemas/jobs.ts';
import './schemas/operations.ts';
import './schemas/problems.ts';

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

const BEARER = {
  type: 'http',
  scheme: 'bearer',
  description:
    'An API key (`tl_…`, see `throughline keys create`), or a JWT of the issuer that the deployment trusts. The roles are its scopes.',
} as const;

/**
 * The OpenAPI 3.1 document of the API. The same routes give the same text.
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
      paths: {
        ...jobPaths,
        ...deadLetterPaths,
        ...outboxPaths,
        ...operationPaths,
        ...healthPaths,
        ...documentPaths,
      },
      components: { securitySchemes: { bearer: BEARER } },
    },
    // The input of a job must be there, and may be anything.
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
  // Answers may get more fields in a later version.
  if (io === 'output' && def.type === 'object' && def.catchall === undefined)
    delete jsonSchema.additionalProperties;
  // What JavaScript can hold says nothing about the API, and a format needs no pattern of 300 characters beside it.
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
};

function sorted<Value>(values: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
}
