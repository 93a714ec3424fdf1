import * as z from 'zod';
import type { ZodOpenApiPathsObject } from 'zod-openapi';
import { BatchReport } from '../../../shared/api/answers/batch-report.ts';
import { CancelReport } from '../../../shared/api/answers/cancel-report.ts';
import { JobHistory } from '../../../shared/api/answers/job-history.ts';
import { JobPage } from '../../../shared/api/answers/job-list.ts';
import { OperationName } from '../../../shared/api/operation.ts';
import { CANCEL_LIMIT, JOB_LIST_LIMITS } from '../../../shared/api/page-limits.ts';
import { Batch, SubmitJob } from '../../../shared/api/submit-job.ts';
import { Job, JobState } from '../../../shared/job/job.ts';
import { LIMITS } from '../../../shared/job/limits.ts';
import { CancelRequest, LIST_CURSOR, type ListQuery } from '../../http/requests/list-requests.ts';
import * as examples from '../examples.ts';
import { BROKER_PROBLEMS, json, jsonBody, media, operation, type QueryFields } from '../operation.ts';
import { After, IdempotencyKey, JobId, LastEventId, PreferWait, TagFilter } from '../parameters.ts';
import { ref } from '../schemas/describe.ts';

const LIST_FIELDS: QueryFields<typeof ListQuery> = {
  state: JobState.optional().meta({ description: 'Only jobs in this state.' }),
  operation: OperationName.optional().meta({ description: 'Only jobs of this operation.' }),
  tag: TagFilter,
  limit: z
    .int()
    .min(1)
    .max(JOB_LIST_LIMITS.page)
    .default(JOB_LIST_LIMITS.defaultPage)
    .meta({ description: 'The most jobs to return.' }),
  cursor: z.string().regex(LIST_CURSOR).optional().meta({ description: 'The cursor of the previous page.' }),
};

/** Headers of an answer to a submission. */
const SUBMITTED = ['Location', 'Preference-Applied', 'Idempotency-Replayed', 'Unique-Existing'] as const;

export const jobPaths = {
  '/v1/jobs': {
    post: operation({
      operationId: 'submitJob',
      tag: 'Jobs',
      summary: 'Submit a job',
      description:
        'A 2xx answer means that the job is stored and will end exactly once. A caller whose `jobs:write` is limited to operations (`jobs:write:image.*`) gets 403 for others. A caller without `jobs:read` gets the job without `result`, `error` and `progress`.',
      scope: 'jobs:write',
      parameters: [IdempotencyKey, PreferWait],
      requestBody: jsonBody(SubmitJob, { now: examples.SUBMISSION, later: examples.LATER }),
      answers: {
        200: json(
          'The job has ended, or was there already (`Unique-Existing`).',
          Job,
          { succeeded: examples.ENDED_JOB },
          SUBMITTED,
        ),
        202: json(
          'The job is accepted and has not ended yet.',
          Job,
          { queued: examples.QUEUED_JOB },
          SUBMITTED,
        ),
      },
      problems: [
        'operation-unknown',
        'operation-unserved',
        'input-invalid',
        'idempotency-key-reused',
        'too-many-waits',
        'quota-exceeded',
        'delay-unsupported',
        'stream-full',
        'outbox-full',
        'outbox-share-full',
        'broker-rejected',
        'record-unreadable',
        ...BROKER_PROBLEMS,
      ],
    }),
    get: operation({
      operationId: 'listJobs',
      tag: 'Jobs',
      summary: 'List jobs',
      description:
        'The jobs of the tenant, newest first. The list takes account of every event that was recorded before the request, unless `complete` is false.',
      scope: 'jobs:read',
      requestParams: { query: z.object(LIST_FIELDS) },
      answers: {
        200: json('A page of jobs.', JobPage, {
          page: { jobs: [examples.JOB_SUMMARY], complete: true },
        }),
      },
      problems: ['cursor-unknown', 'index-unavailable'],
    }),
  },
  '/v1/jobs/batch': {
    post: operation({
      operationId: 'submitBatch',
      tag: 'Jobs',
      summary: 'Submit many jobs',
      description: `Up to ${LIMITS.batchJobs} jobs in one round trip to NATS. A refused job does not affect the others.`,
      scope: 'jobs:write',
      parameters: [IdempotencyKey],
      requestBody: jsonBody(Batch, { two: { jobs: [examples.SUBMISSION, examples.LATER] } }),
      answers: {
        207: json('A result for each job, in the same order.', BatchReport, {
          mixed: { results: [{ status: 202, job: examples.QUEUED_JOB }, examples.REFUSED_RESULT] },
        }),
      },
      problems: BROKER_PROBLEMS,
    }),
  },
  '/v1/jobs/cancel': {
    post: operation({
      operationId: 'cancelMany',
      tag: 'Jobs',
      summary: 'Cancel many jobs',
      description: `Cancels the jobs that the list shows and that have not ended, the newest first. One request cancels at most ${CANCEL_LIMIT} jobs. Send the \`cursor\` of the answer to continue with the rest. Jobs that were accepted after the first request are left out. A request that ends with an error can be sent again.`,
      scope: 'jobs:cancel',
      requestBody: jsonBody(CancelRequest, {
        all: {},
        some: { operation: 'text.count', tags: ['night'], state: 'queued' },
      }),
      answers: {
        200: json('What happened to each job.', CancelReport, {
          some: { cancelled: [examples.QUEUED_JOB.id], stopping: [], failed: [], complete: true },
        }),
      },
      problems: ['cursor-unknown', 'index-unavailable', ...BROKER_PROBLEMS],
    }),
  },
  '/v1/jobs/{id}': {
    get: operation({
      operationId: 'getJob',
      tag: 'Jobs',
      summary: 'Read a job',
      scope: 'jobs:read',
      parameters: [JobId],
      answers: {
        200: json('The job with its current state and its attempts.', Job, { succeeded: examples.READ_JOB }),
      },
      problems: ['job-unknown', 'record-unreadable', ...BROKER_PROBLEMS],
    }),
    delete: operation({
      operationId: 'cancelJob',
      tag: 'Jobs',
      summary: 'Cancel a job',
      description: "A queued job will not run. For a running job, the operation's `signal` is aborted.",
      scope: 'jobs:cancel',
      parameters: [JobId, PreferWait],
      answers: {
        200: json('The job is cancelled.', Job, { cancelled: examples.CANCELLED_JOB }, [
          'Preference-Applied',
        ]),
        202: json(
          'The worker that runs the job was asked to stop it. The job may still end in another way.',
          Job,
          undefined,
          ['Preference-Applied'],
        ),
      },
      problems: ['job-unknown', 'job-finished', 'too-many-waits', 'record-unreadable', ...BROKER_PROBLEMS],
    }),
  },
  '/v1/jobs/{id}/events': {
    get: operation({
      operationId: 'watchJob',
      tag: 'Jobs',
      summary: 'Read or follow the events of a job',
      description:
        'With `Accept: text/event-stream`, the answer is a stream: first the events so far, then each new event, until the job has ended. A client that was cut off continues after `Last-Event-ID`. Otherwise the answer has the events so far, as JSON.',
      scope: 'jobs:read',
      parameters: [JobId, LastEventId, After],
      answers: {
        200: {
          description: 'The events after the one that the request names, oldest first.',
          content: {
            'application/json': media(JobHistory, { started: { events: [examples.STARTED_EVENT] } }),
            'text/event-stream': {
              ...media({ type: 'string' }, { started: examples.EVENT_STREAM }),
              // OpenAPI 3.1 cannot describe the items of a stream.
              'x-event-data': ref('HistoryEvent'),
            },
          },
        },
        204: {
          description:
            'The job has ended, and you have all of its events. There is nothing to connect again for.',
        },
      },
      problems: [
        'job-unknown',
        'cursor-unknown',
        'too-many-streams',
        'record-unreadable',
        ...BROKER_PROBLEMS,
      ],
    }),
  },
} satisfies ZodOpenApiPathsObject;
