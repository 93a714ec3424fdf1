import type { ZodOpenApiPathsObject } from 'zod-openapi';
import { UsageReport } from '../../../shared/api/usage.ts';
import * as examples from '../examples.ts';
import { json, operation } from '../operation.ts';

export const usagePaths = {
  '/v1/usage': {
    get: operation({
      operationId: 'readUsage',
      tag: 'Jobs',
      summary: 'Read your usage and quotas',
      description:
        'What the tenant uses, and how much it may use: jobs that have not ended, outbox, waits, event streams, schedules, requests. A job counts here a moment after it was accepted.',
      scope: 'jobs:read',
      answers: { 200: json('The usage and the quotas.', UsageReport, { one: examples.USAGE }) },
      problems: ['index-unavailable', 'schedules-unavailable', 'broker-unavailable'],
    }),
  },
} satisfies ZodOpenApiPathsObject;
