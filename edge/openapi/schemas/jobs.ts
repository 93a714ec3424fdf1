import { Batch, BatchReport, BatchResult } from '../../../shared/api/batch.ts';
import { CallbackRequest } from '../../../shared/api/callback-request.ts';
import { Delay } from '../../../shared/api/delay.ts';
import { JobPage, JobSummary } from '../../../shared/api/job-list.ts';
import { SubmitJob, Timeout } from '../../../shared/api/submit-job.ts';
import { Job, JobAttempt, JobError, JobState, LIMITS, Progress } from '../../../shared/job/job.ts';
import { DURATION } from '../../../shared/text/duration.ts';
import { describe, ref } from './describe.ts';

describe('Delay', Delay, {
  description:
    'When a job is due: a duration from now, or an instant with an offset (RFC 3339); at most 30 days.',
  more: { anyOf: [{ pattern: DURATION.source }, { format: 'date-time' }], examples: ['90s'] },
});

describe('Duration', Timeout, {
  description: 'A duration: a number and one of `ms`, `s`, `m`, `h`, `d`; at most 24 hours.',
  more: { pattern: DURATION.source, examples: ['500ms', '30s'] },
});

describe('SubmitJob', SubmitJob, {
  description: 'A job to run. Unknown fields are refused: a misspelt one would be lost in silence.',
  fields: {
    operation: 'What to run, see `GET /v1/operations`.',
    input: `Anything that the operation's schema takes, at most ${LIMITS.inputBytes} bytes as JSON; null where it takes nothing.`,
    delay: 'When to run it; at once when absent.',
    timeout: 'How long one attempt may take, at most what the operation allows.',
    maxAttempts: 'How often it is tried at most, up to what the operation allows.',
    callback: 'Whom to tell of its end.',
  },
});

describe('Callback', CallbackRequest, {
  description: 'A POST with a signed CloudEvent at the end of a job.',
  fields: {
    url: {
      description: 'Where to: http or https, without user name, password and fragment.',
      pattern: '^[Hh][Tt][Tt][Pp][Ss]?://[\\x21\\x22\\x24-\\x7e]{1,2040}$',
    },
    events: { description: 'Which ends it is for; all when absent.', uniqueItems: true },
  },
});

describe('JobState', JobState, {
  description: 'Where a job stands; `succeeded`, `failed` and `cancelled` are its end.',
});

describe('JobError', JobError, {
  description: 'Why a job, or one attempt of it, did not succeed.',
  fields: { code: 'Stable, for programs.', message: 'For people.' },
});

describe('Progress', Progress, {
  description: 'How far a running operation says it is.',
  fields: { fraction: 'From 0 to 1.', message: 'In words.' },
});

describe('JobAttempt', JobAttempt, {
  description: 'One execution of a job.',
  fields: {
    number: 'Counts from 1.',
    worker: 'Who ran it.',
    startedAt: 'When it began.',
    endedAt: 'When it ended; absent while it runs.',
    outcome:
      'How it ended; absent while it runs. `lost`: its worker died. `released`: its worker was stopping.',
    error: 'What went wrong.',
    spanId: 'Its span in the trace.',
  },
});

describe('Job', Job, {
  description: 'A job as it stands. Times are RFC 3339 in UTC.',
  fields: {
    id: 'Sorts by time, unless it comes from an `Idempotency-Key`.',
    operation: 'What it runs.',
    state: 'Where it stands.',
    attempt: 'The attempt that runs or ran last; 0 before the first one.',
    maxAttempts: 'How often it is tried at most.',
    durability:
      'Where it is safe: `stream`: acknowledged by NATS; `outbox`: kept by the bridge until NATS is back.',
    acceptedAt: 'When the API took it.',
    dueAt: 'Of a delayed job that has not started: when it is due.',
    startedAt: 'When its last attempt began.',
    finishedAt: 'When it ended.',
    progress: 'How far it is.',
    result: 'What the operation gave back.',
    error: 'Why it failed, or is tried again.',
    attempts: 'Its executions, where it was read by its id.',
    traceId: 'The one trace of this job.',
    previousTraceIds: 'The traces before each redrive, oldest first.',
    links: 'Addresses, relative to the origin.',
  },
});

describe('JobSummary', JobSummary, {
  description: 'A job as a list shows it.',
  fields: {
    id: "The job's id.",
    operation: 'What it runs.',
    state: 'Where it stands.',
    attempt: 'The attempt that runs or ran last; 0 before the first one.',
    maxAttempts: 'How often it is tried at most.',
    durability: 'Where it is safe.',
    acceptedAt: 'When the API took it.',
    dueAt: 'Of a delayed job that has not started: when it is due.',
    startedAt: 'When its last attempt began.',
    finishedAt: 'When it ended.',
    error: 'The code of what went wrong.',
    traceId: 'The one trace of this job.',
    previousTraceIds: 'The traces before each redrive, oldest first.',
    links: 'Addresses, relative to the origin.',
  },
});

describe('JobPage', JobPage, {
  description: 'Jobs, newest first.',
  fields: {
    jobs: 'Those of this page.',
    cursor: 'Where the next page begins; absent on the last one.',
    complete: 'Whether all that was recorded before the request is in it.',
  },
});

describe('SubmitBatch', Batch, {
  description: `Up to ${LIMITS.batchJobs} jobs.`,
  fields: {
    jobs: {
      description: 'Each is checked by itself: one that is wrong does not spoil the others.',
      items: ref('SubmitJob'),
    },
  },
});

describe('BatchResult', BatchResult, {
  description: 'What a request of its own would have been answered: a job, or a problem.',
});

describe('BatchReport', BatchReport, {
  description: 'What became of the jobs of a batch.',
  fields: { results: 'One for each job, in the same order.' },
});
