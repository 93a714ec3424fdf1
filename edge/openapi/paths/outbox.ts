import * as z from 'zod';
import type { ZodOpenApiPathsObject } from 'zod-openapi';
import { OutboxItem, OutboxList } from '../../../shared/api/answers/outbox.ts';
import { OUTBOX_LIST_LIMIT } from '../../../shared/api/page-limits.ts';
import { Job } from '../../../shared/job/job.ts';
import type { OutboxQuery } from '../../http/requests/list-requests.ts';
import * as examples from '../examples.ts';
import { json, operation, type QueryFields } from '../operation.ts';
import { RejectedId } from '../parameters.ts';

const LIST_FIELDS: QueryFields<typeof OutboxQuery> = {
  limit: z
    .int()
    .min(1)
    .max(OUTBOX_LIST_LIMIT)
    .default(OUTBOX_LIST_LIMIT)
    .meta({ description: 'The most jobs to return.' }),
};

export const outboxPaths = {
  '/v1/outbox': {
    get: operation({
      operationId: 'listOutbox',
      tag: 'Outbox',
      summary: 'List jobs that NATS does not have',
      description:
        'Accepted jobs that are pending because NATS is away, and jobs that NATS will not take. The list covers the bridges of your region.',
      scope: 'dead-letters:read',
      requestParams: { query: z.object(LIST_FIELDS) },
      answers: {
        200: json('The jobs, in the order in which they are sent.', OutboxList, {
          large: { jobs: [examples.OUTBOX_ITEM] },
        }),
      },
      problems: ['broker-unavailable'],
    }),
  },
  '/v1/outbox/{id}/retry': {
    post: operation({
      operationId: 'retryJob',
      tag: 'Outbox',
      summary: 'Send a rejected job again',
      scope: 'dead-letters:redrive',
      parameters: [RejectedId],
      answers: { 202: json('The job, pending again.', Job, { queued: examples.PENDING_JOB }, ['Location']) },
      problems: ['job-unknown', 'broker-unavailable'],
    }),
  },
  '/v1/outbox/{id}': {
    delete: operation({
      operationId: 'removeRejectedJob',
      tag: 'Outbox',
      summary: 'Give up a rejected job',
      description:
        'It no longer counts against your share of the outbox. If no other job has its job id, it ends as `cancelled`.',
      scope: 'dead-letters:redrive',
      parameters: [RejectedId],
      answers: { 200: json('The job, as it was.', OutboxItem, { rejected: examples.OUTBOX_ITEM }) },
      problems: ['job-unknown', 'broker-unavailable'],
    }),
  },
} satisfies ZodOpenApiPathsObject;
