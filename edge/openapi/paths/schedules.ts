import * as z from 'zod';
import type { ZodOpenApiPathsObject } from 'zod-openapi';
import { Schedule, SchedulePage } from '../../../shared/api/answers/schedule.ts';
import { SCHEDULE_LIMITS, ScheduleBody } from '../../../shared/api/schedule.ts';
import { Job } from '../../../shared/job/job.ts';
import { LIST_CURSOR, type SchedulesQuery } from '../../http/requests/list-requests.ts';
import * as examples from '../examples.ts';
import { BROKER_PROBLEMS, json, jsonBody, operation, type QueryFields } from '../operation.ts';
import { IdempotencyKey, ScheduleName } from '../parameters.ts';

const LIST_FIELDS: QueryFields<typeof SchedulesQuery> = {
  limit: z
    .int()
    .min(1)
    .max(SCHEDULE_LIMITS.page)
    .default(SCHEDULE_LIMITS.defaultPage)
    .meta({ description: 'The most schedules to return.' }),
  cursor: z.string().regex(LIST_CURSOR).optional().meta({ description: 'The cursor of the previous page.' }),
};

const ONE = { nightly: examples.SCHEDULE } as const;
/** Headers of an answer to a trigger. */
const TRIGGERED = ['Location', 'Idempotency-Replayed'] as const;
/** The error codes of a request about one schedule. */
const PROBLEMS = ['schedule-unknown', 'schedules-unavailable'] as const;

export const schedulePaths = {
  '/v1/schedules': {
    get: operation({
      operationId: 'listSchedules',
      tag: 'Schedules',
      summary: 'List schedules',
      description: 'The schedules of the tenant, by name.',
      scope: 'schedules:read',
      requestParams: { query: z.object(LIST_FIELDS) },
      answers: {
        200: json('A page of schedules.', SchedulePage, { page: { schedules: [examples.SCHEDULE_SUMMARY] } }),
      },
      problems: ['cursor-unknown', 'schedules-unavailable'],
    }),
  },
  '/v1/schedules/{name}': {
    get: operation({
      operationId: 'readSchedule',
      tag: 'Schedules',
      summary: 'Read a schedule',
      description: 'What the schedule does, when it runs next, and what became of its last runs.',
      scope: 'schedules:read',
      parameters: [ScheduleName],
      answers: { 200: json('The schedule.', Schedule, ONE) },
      problems: PROBLEMS,
    }),
    put: operation({
      operationId: 'putSchedule',
      tag: 'Schedules',
      summary: 'Make or change a schedule',
      description:
        'Each run is a job of its own, with a trace of its own that is linked to this request. The input is checked now, like that of a submitted job. If the request says what the schedule does already, nothing changes. Otherwise the runs after now are those of the new version. The caller needs the right to submit jobs of the operation. Without `schedules:read`, the answer leaves out what the jobs are, and the last runs.',
      scope: ['schedules:write', 'jobs:write'],
      parameters: [ScheduleName],
      requestBody: jsonBody(ScheduleBody, { nightly: examples.SCHEDULE_REQUEST }),
      answers: {
        200: json('The schedule existed already.', Schedule, undefined, ['Location']),
        201: json('The schedule is new.', Schedule, ONE, ['Location']),
      },
      problems: [
        'operation-unknown',
        'input-invalid',
        'quota-exceeded',
        'schedules-unavailable',
        ...BROKER_PROBLEMS,
      ],
    }),
    delete: operation({
      operationId: 'deleteSchedule',
      tag: 'Schedules',
      summary: 'Delete a schedule',
      description: 'No more runs are made. Jobs of earlier runs are not touched.',
      scope: 'schedules:write',
      parameters: [ScheduleName],
      answers: { 204: { description: 'The schedule is deleted.' } },
      problems: PROBLEMS,
    }),
  },
  '/v1/schedules/{name}/pause': {
    post: operation({
      operationId: 'pauseSchedule',
      tag: 'Schedules',
      summary: 'Pause a schedule',
      description: 'No more runs are made until it is resumed.',
      scope: 'schedules:write',
      parameters: [ScheduleName],
      answers: { 200: json('The schedule is paused.', Schedule) },
      problems: PROBLEMS,
    }),
  },
  '/v1/schedules/{name}/resume': {
    post: operation({
      operationId: 'resumeSchedule',
      tag: 'Schedules',
      summary: 'Resume a schedule',
      description: 'The runs after now are made. Those that were due meanwhile are not.',
      scope: 'schedules:write',
      parameters: [ScheduleName],
      answers: { 200: json('The schedule is not paused.', Schedule) },
      problems: PROBLEMS,
    }),
  },
  '/v1/schedules/{name}/trigger': {
    post: operation({
      operationId: 'triggerSchedule',
      tag: 'Schedules',
      summary: 'Run a schedule now',
      description:
        'Submits the job of the schedule, also while it is paused. The times of its other runs stay as they are. The caller needs the right to submit jobs of the operation. With an `Idempotency-Key`, the same key gives the same job until the schedule is changed. If too many triggers of the schedule wait, the answer is `rate-limited`, and no job is made.',
      scope: ['schedules:write', 'jobs:write'],
      parameters: [ScheduleName, IdempotencyKey],
      answers: {
        200: json('The job exists already, and has ended.', Job, undefined, TRIGGERED),
        202: json('The job is accepted.', Job, { queued: examples.QUEUED_JOB }, TRIGGERED),
      },
      problems: [
        ...PROBLEMS,
        'schedule-busy',
        'operation-unknown',
        'operation-unserved',
        'input-invalid',
        'idempotency-key-reused',
        'payload-too-large',
        'quota-exceeded',
        'stream-full',
        'outbox-full',
        'outbox-share-full',
        'broker-rejected',
        'record-unreadable',
        ...BROKER_PROBLEMS,
      ],
    }),
  },
} satisfies ZodOpenApiPathsObject;
