import * as z from 'zod';
import {
  AcceptedResult,
  BatchReport,
  BatchResult,
  RefusedResult,
} from '../../../shared/api/answers/batch-report.ts';
import { CancelReport } from '../../../shared/api/answers/cancel-report.ts';
import { JobPage, JobSummary } from '../../../shared/api/answers/job-list.ts';
import {
  Batch,
  CallbackRequest,
  Delay,
  SubmitJob,
  Timeout,
  UniqueFor,
  UniqueRequest,
} from '../../../shared/api/submit-job.ts';
import { JobFailure, Progress } from '../../../shared/job/attempt-report.ts';
import { CALLBACK_URL, CALLBACK_URL_LENGTH } from '../../../shared/job/callback.ts';
import { Job, JobAttempt, JobState } from '../../../shared/job/job.ts';
import { LIMITS } from '../../../shared/job/limits.ts';
import { DURATION } from '../../../shared/text/duration.ts';
import { CancelRequest } from '../../http/requests/list-requests.ts';
import { describe, ref } from './describe.ts';

describe('Delay', Delay, {
  description:
    'When to run a job: a duration from now (see `Duration`), or a time with an offset from UTC (RFC 3339). A time in the past means now. At most 30 days from now.',
  more: {
    // One pattern, since generators make a type of text from it. From two schemas they make `any`, or nothing.
    pattern: `${DURATION.source}|${z.regexes.datetime({ offset: true }).source}`,
    examples: ['90s', '1h30m', 'PT1H', '2026-01-02T03:04:05Z'],
  },
});

describe('Duration', Timeout, {
  description:
    'A duration: numbers with the units `ms`, `s`, `m`, `h`, `d` (`30s`, `1h30m`), or ISO 8601 without years and months (`PT1H30M`). At most 24 hours.',
  more: { pattern: DURATION.source, examples: ['500ms', '30s', '1h30m', 'PT1H'] },
});

describe('UniqueFor', UniqueFor, {
  description: 'A duration as in `Duration`, but at most 30 days.',
  more: { pattern: DURATION.source, examples: ['10m', 'P1D'] },
});

describe('Unique', UniqueRequest, {
  description:
    'If a job of the same operation and key is there, it is the answer: 200 with `Unique-Existing: true`. Otherwise a new job is made. A job that was redriven, or sent again from the outbox, may not count.',
  fields: {
    key: 'The key. It belongs to the tenant and the operation.',
    while: '`queued`: a job counts until it starts. `running`: a job counts until it ends.',
    for: 'A job counts for this long after it was accepted. Without it: without a limit.',
  },
});

describe('SubmitJob', SubmitJob, {
  description: 'A job to run. An unknown field is an error, so that a misspelt field does not go unnoticed.',
  fields: {
    operation: 'The operation to run. `GET /v1/operations` lists those that there are.',
    input: `The input. It must be valid for the schema of the operation, and have at most ${LIMITS.inputBytes} bytes as JSON. Send null if the operation takes no input.`,
    delay: 'When to run the job. Without it, the job runs as soon as a worker is free.',
    timeout: "How long one attempt may take. The operation's own limit also holds.",
    maxAttempts: "The most attempts that the job has. The operation's own limit also holds.",
    callback: 'Where to send a message when the job ends.',
    priority:
      'How urgent the job is. A host takes more urgent jobs first, and always leaves a share for the others. Without it: `normal`. A job with an `orderingKey` has no priority.',
    orderingKey:
      'Jobs with the same key run one after the other, in the order in which they were accepted, retries included.',
    unique:
      'Makes a new job only if none with this key is there. A job with an `orderingKey` cannot be unique.',
    tags: { description: 'Texts by which the job can be found again.', uniqueItems: true },
  },
});

describe('Callback', CallbackRequest, {
  description:
    'When the job ends, a CloudEvent is sent to a URL with POST, once or more: `application/cloudevents+json`, with the job as `data`. It is signed as Standard Webhooks says (`webhook-id`, `webhook-timestamp`, `webhook-signature`). An answer 2xx means that it has come.',
  fields: {
    url: {
      description: 'The URL: http or https, without user name, password and fragment.',
      pattern: CALLBACK_URL.source,
      maxLength: CALLBACK_URL_LENGTH,
    },
    events: {
      description: 'The end states to send a message for. Without it: all of them.',
      uniqueItems: true,
    },
  },
});

describe('JobState', JobState, {
  description: 'The state of a job. `succeeded`, `failed` and `cancelled` are final.',
});

describe('JobFailure', JobFailure, {
  description: 'Why a job, or one attempt of it, did not succeed.',
  fields: { code: 'The error code, for programs.', message: 'What went wrong, for people.' },
});

describe('Progress', Progress, {
  description: 'How far a running operation is, as it reports itself.',
  fields: { fraction: 'From 0 to 1.', message: 'A text for people.' },
});

describe('JobAttempt', JobAttempt, {
  description: 'One attempt to run a job.',
  fields: {
    number: 'Counts from 1.',
    worker: 'The worker that ran it.',
    startedAt: 'When it started.',
    endedAt: 'When it ended. Absent while it runs.',
    outcome:
      'How it ended. Absent while it runs. `lost`: the worker died, or was too late. `released`: the worker gave the job back.',
    error: 'What went wrong.',
    spanId: 'Its span in the trace of the job.',
  },
});

/** The fields that a job and its summary share. */
const JOB = {
  id: "The job's id. Ids sort by time, except those made from an `Idempotency-Key` or by a schedule.",
  operation: 'The operation of the job.',
  state: 'The state of the job.',
  attempt: 'The number of the running or last attempt; 0 before the first one.',
  maxAttempts: 'The most attempts that the job has.',
  durability:
    'Where the job is stored. `stream`: NATS has acknowledged it. `outbox`: the bridge keeps it until NATS takes it.',
  served:
    'false: no worker host can run the operation now, so the job waits. Absent in all other cases. In a list: as it was when the job was accepted.',
  acceptedAt: 'When the API accepted the job.',
  dueAt: 'When a delayed job will run. Absent once it has started.',
  startedAt: 'When the last attempt started.',
  finishedAt: 'When the job ended.',
  tags: "The job's tags.",
  traceId: 'The trace of the job.',
  previousTraceIds: 'The traces that the job had before each redrive, oldest first.',
  links: 'Paths of this API.',
};

describe('Job', Job, {
  description: 'A job with its current state. Times are RFC 3339 in UTC.',
  fields: {
    ...JOB,
    dueBy:
      'Present if the caller did not ask for this time: the operation limits how many of its jobs start within a period (`rateLimit`).',
    priority: 'How urgent the job is. Absent if the request did not say.',
    orderingKey: 'The key of the jobs that run one after the other.',
    progress: 'How far the operation is.',
    result: 'What the operation returned.',
    error: 'Why the job failed, or why it is tried again.',
    attempts: 'The attempts so far. Only if the job was read by its id.',
  },
});

describe('JobSummary', JobSummary, {
  description: 'A job in a list.',
  fields: { ...JOB, error: 'The error code. The job itself has the message.' },
});

describe('JobPage', JobPage, {
  description: 'Jobs, newest first.',
  fields: {
    jobs: 'The jobs of this page.',
    cursor: 'Send it to read the next page. Absent on the last page.',
    complete:
      'Whether the page takes account of everything that was recorded before the request. False while NATS cannot be reached.',
  },
});

describe('CancelRequest', CancelRequest, {
  description: 'Says which jobs to cancel. An empty object means all that have not ended.',
  fields: {
    operation: 'Only jobs of this operation.',
    tags: { description: 'Only jobs that have all of these tags.', uniqueItems: true },
    state: 'Only jobs in this state.',
    limit: 'The most jobs to look at with this request.',
    cursor: 'The cursor of the previous answer.',
  },
});

describe('CancelReport', CancelReport, {
  description: 'The outcome of cancelling many jobs.',
  fields: {
    cancelled: 'The ids of the jobs that are cancelled.',
    stopping:
      'The ids of the jobs whose workers were asked to stop them. Each of them may still end in another way.',
    failed:
      'The jobs that were not cancelled, with the error code of each. `job-finished`: it had ended a moment before.',
    cursor: 'Send it to continue. Absent when no jobs are left to look at.',
    complete:
      'Whether everything was known that was recorded before the request. If not, a job may have been overlooked.',
  },
});

describe('SubmitBatch', Batch, {
  description: `Up to ${LIMITS.batchJobs} jobs.`,
  fields: {
    jobs: {
      description:
        'The jobs, each as in `SubmitJob`. Each is checked separately: a job that does not fit is refused in its result, and does not affect the others.',
      items: ref('SubmitJob'),
    },
  },
});

const STATUS = 'The HTTP status that a separate request for this job would have got.';

describe('AcceptedResult', AcceptedResult, {
  description: 'The result of a job of a batch that was accepted.',
  fields: {
    status: STATUS,
    job: 'The job.',
    existing: 'true: the job was there already, with the same `unique` key. Absent in all other cases.',
  },
});

describe('RefusedResult', RefusedResult, {
  description: 'The result of a job of a batch that was refused.',
  fields: { status: STATUS, problem: 'Why the job was refused.' },
});

describe('BatchResult', BatchResult, {
  description: 'The answer that a separate request for this job would have got: a job, or a problem.',
});

describe('BatchReport', BatchReport, {
  description: 'The results of a batch.',
  fields: { results: 'One result for each job, in the same order.' },
});
