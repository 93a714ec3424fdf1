import { OperationList } from '../../../shared/api/operation.ts';
import * as examples from '../openapi/examples.ts';
import { BROKER_PROBLEMS } from '../openapi/problems.ts';
import { json, type RouteDescription } from '../openapi/route-description.ts';

/** The routes of `operations.ts`. */
export const operationDescriptions: readonly RouteDescription[] = [
  {
    method: 'get',
    path: '/v1/operations',
    operationId: 'listOperations',
    tag: 'Operations',
    summary: 'List what can be run',
    description: 'Names, input schemas and limits, as the workers announced them.',
    scope: 'jobs:read',
    answers: {
      200: json('What can be run, by name.', OperationList, { one: { operations: [examples.OPERATION] } }),
    },
    problems: BROKER_PROBLEMS,
  },
];
