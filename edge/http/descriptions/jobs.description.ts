import { Batch, BatchReport } from '../../../shared/api/batch.ts';
import { JOB_LIST_LIMITS, JobPage } from '../../../shared/api/job-list.ts';
import { OperationName } from '../../../shared/api/operation.ts';
import { SubmitJob } from '../../../shared/api/submit-job.ts';
import { HistoryEvent, JobHistory } from '../../../shared/job/event-record.ts';
import { Job, JobState, LIMITS } from '../../../shared/job/job.ts';
import * as examples from '../openapi/examples.ts';
import { BROKER_PROBLEMS } from '../openapi/problems.ts';
import { json, type RouteDescription } from '../openapi/route-description.ts';
import { refOf } from '../openapi/schemas.ts';
import { ListQuery } from '../requests/list-request.ts';

/** Headers of an answer to a submission. */
const SUBMITTED = ['Location', 'Preference-Applied', 'Idempotency-Replayed'] as const;

/** The routes of `jobs.ts`. */
export const jobDescriptions: readonly RouteDescription[] = [
  {
    method: 'post',
    path: '/v1/jobs',
    operationId: 'submitJob',
    tag: 'Jobs',
    summary: 'Submit a job',
    description:
      'A 2xx means that the job is kept, and will reach exactly one end. Without `Prefer: wait=N` the answer comes as soon as that is sure.',
    scope: 'jobs:write',
    parameters: ['IdempotencyKey', 'PreferWait'],
    body: { schema: SubmitJob, examples: { now: examples.SUBMISSION, later: examples.LATER } },
    answers: {
      200: json('The job has ended.', Job, { succeeded: examples.ENDED_JOB }, SUBMITTED),
      202: json(
        'The job is accepted, and has not ended yet.',
        Job,
        { queued: examples.QUEUED_JOB },
        SUBMITTED,
      ),
    },
    problems: [
      'operation-unknown',
      'input-invalid',
      'idempotency-key-reused',
      'delay-unsupported',
      'stream-full',
      'outbox-full',
      'broker-rejected',
      ...BROKER_PROBLEMS,
    ],
  },
  {
    method: 'get',
    path: '/v1/jobs',
    operationId: 'listJobs',
    tag: 'Jobs',
    summary: 'List jobs',
    description:
      'Your jobs, newest first. Each event that was recorded before the request is in it, unless `complete` is false.',
    scope: 'jobs:read',
    query: {
      schema: ListQuery,
      fields: {
        state: { description: 'Only those in this state.', schema: refOf(JobState) },
        operation: { description: 'Only those of this operation.', schema: refOf(OperationName) },
        limit: { description: `How many at most, up to ${JOB_LIST_LIMITS.page}.` },
        cursor: { description: 'Of the answer before: the next page.', schema: { type: 'string' } },
      },
    },
    answers: {
      200: json('A page of jobs.', JobPage, {
        page: { jobs: [examples.JOB_SUMMARY], complete: true },
      }),
    },
    problems: ['request-invalid', 'index-unavailable'],
  },
  {
    method: 'post',
    path: '/v1/jobs/batch',
    operationId: 'submitBatch',
    tag: 'Jobs',
    summary: 'Submit many jobs',
    description: `Up to ${LIMITS.batchJobs} jobs in one round trip to NATS. A job that is refused does not spoil the others.`,
    scope: 'jobs:write',
    parameters: ['IdempotencyKey'],
    body: { schema: Batch, examples: { two: { jobs: [examples.SUBMISSION, examples.LATER] } } },
    answers: {
      207: json('A result for each job, in the same order.', BatchReport, {
        mixed: { results: [{ status: 202, job: examples.QUEUED_JOB }, examples.REFUSED_RESULT] },
      }),
    },
    problems: BROKER_PROBLEMS,
  },
  {
    method: 'get',
    path: '/v1/jobs/{id}',
    operationId: 'getJob',
    tag: 'Jobs',
    summary: 'Read a job',
    scope: 'jobs:read',
    parameters: ['JobId'],
    answers: { 200: json('The job as it stands, with its attempts.', Job, { succeeded: examples.READ_JOB }) },
    problems: ['job-unknown', ...BROKER_PROBLEMS],
  },
  {
    method: 'get',
    path: '/v1/jobs/{id}/events',
    operationId: 'watchJob',
    tag: 'Jobs',
    summary: 'Read or follow the events of a job',
    description:
      'With `Accept: text/event-stream`: what is recorded so far, then what comes, until the job has ended; a client that was cut off goes on behind `Last-Event-ID`. Otherwise: what is recorded so far, as JSON.',
    scope: 'jobs:read',
    parameters: ['JobId', 'LastEventId', 'After'],
    answers: {
      200: {
        description: 'The events behind the one that was named, oldest first.',
        content: {
          'application/json': {
            schema: JobHistory,
            examples: { begun: { events: [examples.STARTED_EVENT] } },
          },
          'text/event-stream': {
            schema: { type: 'string' },
            examples: {
              begun: `retry: 1000\n\nid: 4711\nevent: started\ndata: ${JSON.stringify(examples.STARTED_EVENT)}\n\n`,
            },
            event: HistoryEvent,
          },
        },
      },
      204: { description: 'The job has ended, and you have all of its events: do not come again.' },
    },
    problems: ['request-invalid', 'job-unknown', 'too-many-streams', ...BROKER_PROBLEMS],
  },
  {
    method: 'delete',
    path: '/v1/jobs/{id}',
    operationId: 'cancelJob',
    tag: 'Jobs',
    summary: 'Cancel a job',
    description: "A queued job never runs; of a running one, the operation's `signal` aborts.",
    scope: 'jobs:cancel',
    parameters: ['JobId', 'PreferWait'],
    answers: {
      200: json('The job is cancelled.', Job, { cancelled: examples.CANCELLED_JOB }, ['Preference-Applied']),
      202: json('The worker that runs the job was told to end it.', Job, undefined, ['Preference-Applied']),
    },
    problems: ['job-unknown', 'job-finished', ...BROKER_PROBLEMS],
  },
];
