import { OUTBOX_LIST_LIMIT, OutboxList } from '../../../shared/api/outbox.ts';
import { Job } from '../../../shared/job/job.ts';
import * as examples from '../openapi/examples.ts';
import { json, type RouteDescription } from '../openapi/route-description.ts';
import { OutboxQuery } from '../requests/outbox-request.ts';

/** The routes of `outbox.ts`. */
export const outboxDescriptions: readonly RouteDescription[] = [
  {
    method: 'get',
    path: '/v1/outbox',
    operationId: 'listOutbox',
    tag: 'Outbox',
    summary: 'List jobs that NATS does not have',
    description:
      'Accepted jobs that wait because NATS is away, or that it will not take. Of the bridges that serve your region.',
    scope: 'dead-letters:read',
    query: {
      schema: OutboxQuery,
      fields: { limit: { description: `How many at most, up to ${OUTBOX_LIST_LIMIT}.` } },
    },
    answers: {
      200: json('The jobs, in the order in which they wait.', OutboxList, {
        large: { jobs: [examples.OUTBOX_ITEM] },
      }),
    },
    problems: ['request-invalid', 'broker-unavailable'],
  },
  {
    method: 'post',
    path: '/v1/outbox/{id}/retry',
    operationId: 'retryJob',
    tag: 'Outbox',
    summary: 'Send a rejected job again',
    scope: 'dead-letters:redrive',
    parameters: ['JobId'],
    answers: { 202: json('The job, pending again.', Job, { queued: examples.KEPT_JOB }, ['Location']) },
    problems: ['job-unknown', 'broker-unavailable'],
  },
];
