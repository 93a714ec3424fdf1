import type { ZodOpenApiPathsObject } from 'zod-openapi';
import { OperationList } from '../../../shared/api/answers/operation-list.ts';
import * as examples from '../examples.ts';
import { BROKER_PROBLEMS, json, operation } from '../operation.ts';

export const operationPaths = {
  '/v1/operations': {
    get: operation({
      operationId: 'listOperations',
      tag: 'Operations',
      summary: 'List operations',
      description:
        'The name, the schemas and the limits of each operation, as workers announced them, and how many worker hosts serve it now.',
      scope: 'jobs:read',
      answers: {
        200: json('The operations, sorted by name.', OperationList, {
          one: { operations: [examples.OPERATION] },
        }),
      },
      problems: BROKER_PROBLEMS,
    }),
  },
} satisfies ZodOpenApiPathsObject;
