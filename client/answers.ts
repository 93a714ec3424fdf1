import type { BatchReport, BatchResult } from '../shared/api/answers/batch-report.ts';
import type { CancelReport } from '../shared/api/answers/cancel-report.ts';
import type {
  DeadLetter,
  DeadLetterDetail,
  DeadLetterPage,
  RedriveReport,
} from '../shared/api/answers/dead-letter.ts';
import type {
  HistoryEvent,
  RecordedCallbackEvent,
  RecordedEvent,
} from '../shared/api/answers/job-history.ts';
import type { JobPage, JobSummary } from '../shared/api/answers/job-list.ts';
import type { ListedOperation, OperationList } from '../shared/api/answers/operation-list.ts';
import type { OutboxItem, OutboxList } from '../shared/api/answers/outbox.ts';
import type { Problem } from '../shared/api/answers/problem.ts';
import type { Schedule, SchedulePage, ScheduleRun, ScheduleSummary } from '../shared/api/answers/schedule.ts';
import type { ConcurrencyLimit, RateLimit } from '../shared/api/operation.ts';
import type { Pause } from '../shared/api/pause.ts';
import type { UsageReport } from '../shared/api/usage.ts';
import type { JobFailure, Progress } from '../shared/job/attempt-report.ts';
import type { Job, JobAttempt } from '../shared/job/job.ts';
import { CALLBACK_EVENT_KINDS, EVENT_KINDS, JOB_STATES } from '../shared/job/job-state.ts';
import type { Priority } from '../shared/job/priority.ts';
import { violation } from './errors.ts';
import {
  anything,
  boolean,
  either,
  exactly,
  list,
  number,
  object,
  oneOf,
  optional,
  record,
  text,
  whole,
  word,
} from './shape.ts';

/** What an answer must be: its shape, and a name such as `a job` for an error. */
export interface Expected<T> {
  readonly shape: (value: unknown) => value is T;
  readonly name: string;
}

const jobError = object<JobFailure>({ code: text, message: text });
const progress = object<Progress>({ fraction: optional(number), message: optional(text) });
const links = object<Job['links']>({ self: text });

const attempt = object<JobAttempt>({
  number: whole,
  worker: text,
  startedAt: text,
  endedAt: optional(text),
  outcome: optional(word()),
  error: optional(jobError),
  spanId: text,
});

/** What a caller asked the job to be, where it is shown. */
const asked = {
  priority: optional(word<Priority>()),
  orderingKey: optional(text),
  dueBy: optional(exactly('rateLimit')),
} as const;

/** The fields that a job has in a list too. */
const summary = {
  id: text,
  operation: text,
  state: oneOf(JOB_STATES),
  attempt: whole,
  maxAttempts: whole,
  dueAt: optional(text),
  tags: optional(list(text)),
  served: optional(exactly(false)),
  durability: oneOf(['stream', 'outbox']),
  acceptedAt: text,
  startedAt: optional(text),
  finishedAt: optional(text),
  traceId: text,
  previousTraceIds: optional(list(text)),
  links,
} as const;

const job = object<Job>({
  ...summary,
  ...asked,
  progress: optional(progress),
  result: anything,
  error: optional(jobError),
  attempts: optional(list(attempt)),
});

const listedJob = object<JobSummary>({
  ...summary,
  error: optional(object<{ code: string }>({ code: text })),
});

const problem = object<Problem>({
  type: text,
  title: text,
  status: whole,
  code: word(),
  detail: text,
  traceId: optional(text),
  state: optional(oneOf(JOB_STATES)),
  quota: optional(word()),
  violations: optional(list(violation)),
  suggestions: optional(list(text)),
});

const batchResult: Expected<BatchResult>['shape'] = either(
  object<Extract<BatchResult, { job: Job }>>({ status: whole, job, existing: optional(exactly(true)) }),
  object<Extract<BatchResult, { problem: Problem }>>({ status: whole, problem }),
);

const letter = {
  id: text,
  operation: text,
  reason: text,
  message: optional(text),
  attempts: whole,
  tags: optional(list(text)),
  diedAt: text,
  traceId: text,
  redriveCount: optional(whole),
  links: object<DeadLetter['links']>({ self: text, job: text }),
} as const;

const usage = {
  bytes: whole,
  jobs: whole,
  delayedJobs: whole,
  delayedBytes: whole,
  storedBytes: whole,
  outboxJobs: whole,
  outboxBytes: whole,
  waits: whole,
  streams: whole,
  schedules: whole,
};

const scheduled = {
  name: text,
  operation: text,
  cron: optional(text),
  every: optional(text),
  timeZone: optional(text),
  paused: boolean,
  createdAt: text,
  updatedAt: text,
  links,
} as const;

const scheduleRun = object<ScheduleRun>({
  scheduledFor: text,
  outcome: word(),
  triggered: optional(exactly(true)),
  jobId: optional(text),
  reason: optional(word()),
  code: optional(text),
  count: optional(whole),
  links: optional(object<{ job: string }>({ job: text })),
});

const callback = object<NonNullable<Schedule['callback']>>({
  url: text,
  events: optional(list(word())),
});

const schedule = object<Schedule>({
  ...scheduled,
  ...asked,
  tags: optional(list(text)),
  input: anything,
  timeout: optional(text),
  maxAttempts: optional(whole),
  callback: optional(callback),
  catchUp: word(),
  overlap: word(),
  nextRuns: list(text),
  lastRuns: list(scheduleRun),
});

const schema = either(boolean, record(anything));

const operation = object<ListedOperation>({
  name: text,
  inputSchema: schema,
  outputSchema: optional(schema),
  timeoutMs: whole,
  maxAttempts: whole,
  concurrency: optional(object<ConcurrencyLimit>({ key: text, limit: whole })),
  rateLimit: optional(object<RateLimit>({ key: text, limit: whole, periodMs: whole })),
  description: optional(text),
  edgeChecks: word(),
  hosts: optional(whole),
  since: optional(text),
  paused: optional(object<Pause>({ by: text, since: text, reason: optional(text) })),
});

const outboxItem = object<OutboxItem>({
  id: text,
  jobId: optional(text),
  state: oneOf(['pending', 'rejected']),
  operation: optional(text),
  addedAt: text,
  tries: whole,
  reason: optional(text),
});

const jobEvent = object<RecordedEvent>({
  ...asked,
  tags: optional(list(text)),
  id: text,
  kind: oneOf(EVENT_KINDS),
  jobId: text,
  operation: text,
  attempt: whole,
  maxAttempts: whole,
  fingerprint: optional(text),
  released: whole,
  acceptedAt: text,
  startedAt: optional(text),
  at: text,
  worker: text,
  traceId: text,
  spanId: text,
  progress: optional(progress),
  result: anything,
  error: optional(jobError),
  retryInMs: optional(number),
  redriveCount: optional(whole),
  previousTraceIds: optional(list(text)),
});

const callbackEvent = object<RecordedCallbackEvent>({
  id: text,
  kind: oneOf(CALLBACK_EVENT_KINDS),
  jobId: text,
  url: text,
  attempt: whole,
  maxAttempts: whole,
  at: text,
  worker: text,
  status: optional(whole),
  error: optional(jobError),
  retryInMs: optional(number),
  traceId: text,
  spanId: text,
  redriveCount: optional(whole),
});

/** Whether a value is an event of a job's history. */
export const isHistoryEvent: Expected<HistoryEvent>['shape'] = either(jobEvent, callbackEvent);

/** A job of a request for many to which something else happened. */
const failure = object<RedriveReport['failed'][number]>({ id: text, code: text });

/** What each call answers. */
export const ANSWERS = {
  job: expected('a job', job),
  jobs: expected(
    'a list of jobs',
    object<JobPage>({ jobs: list(listedJob), cursor: optional(text), complete: boolean }),
  ),
  batch: expected('a report of a batch', object<BatchReport>({ results: list(batchResult) })),
  cancels: expected(
    'a report of cancels',
    object<CancelReport>({
      cancelled: list(text),
      stopping: list(text),
      failed: list(failure),
      cursor: optional(text),
      complete: boolean,
    }),
  ),
  deadLetter: expected(
    'a dead letter',
    object<DeadLetterDetail>({
      ...letter,
      detail: optional(text),
      input: anything,
      body: optional(text),
      headers: record(text),
    }),
  ),
  deadLetters: expected(
    'a list of dead letters',
    object<DeadLetterPage>({ deadLetters: list(object<DeadLetter>(letter)), cursor: optional(text) }),
  ),
  redrives: expected(
    'a report of redrives',
    object<RedriveReport>({
      redriven: list(text),
      failed: list(failure),
      stopped: optional(text),
      cursor: optional(text),
    }),
  ),
  outbox: expected('a list of the outbox', object<OutboxList>({ jobs: list(outboxItem) })),
  outboxItem: expected('a job of the outbox', outboxItem),
  usage: expected(
    'a usage',
    object<UsageReport>({
      used: object<UsageReport['used']>(usage),
      quotas: object<UsageReport['quotas']>({ ...usage, requests: whole }),
    }),
  ),
  schedule: expected('a schedule', schedule),
  schedules: expected(
    'a list of schedules',
    object<SchedulePage>({
      schedules: list(object<ScheduleSummary>({ ...scheduled, nextRun: optional(text) })),
      cursor: optional(text),
    }),
  ),
  operations: expected('a list of operations', object<OperationList>({ operations: list(operation) })),
} as const;

/** The answer to a request that has none: 204. */
export const NOTHING = expected('empty', (value): value is undefined => value === undefined);

function expected<T>(name: string, shape: Expected<T>['shape']): Expected<T> {
  return { name, shape };
}
