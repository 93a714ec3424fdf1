/** The components of the document: each schema that travels, with words for people. */
import { Batch, BatchReport, BatchResult } from '../../../shared/api/batch.ts';
import { CallbackRequest } from '../../../shared/api/callback-request.ts';
import {
  DEAD_LETTER_LIMITS,
  DeadLetter,
  DeadLetterDetail,
  DeadLetterPage,
  RedriveReport,
} from '../../../shared/api/dead-letter.ts';
import { Delay } from '../../../shared/api/delay.ts';
import { BridgeStatus, Health, Readiness, Unreadiness } from '../../../shared/api/health.ts';
import { JobPage, JobSummary } from '../../../shared/api/job-list.ts';
import { OperationAnnouncement, OperationList, OperationName } from '../../../shared/api/operation.ts';
import { OutboxItem, OutboxList, OutboxStatus } from '../../../shared/api/outbox.ts';
import { Problem } from '../../../shared/api/problem.ts';
import { SubmitJob, Timeout } from '../../../shared/api/submit-job.ts';
import {
  HistoryEvent,
  JobHistory,
  RecordedCallbackEvent,
  RecordedEvent,
} from '../../../shared/job/event-record.ts';
import { Job, JobAttempt, JobError, JobState, LIMITS, Progress } from '../../../shared/job/job.ts';
import { DURATION } from '../../../shared/text/duration.ts';
import { OPERATION, OPERATION_MAX_LENGTH } from '../../../shared/wire/subjects.ts';
import { REDRIVE_CURSOR } from '../../calls/redrive-cursor.ts';
import { RedriveRequest } from '../requests/dead-letter-request.ts';
import { component, ref, type Words } from './component.ts';
import { MEANINGS } from './problems.ts';

// From here, so that whoever asks for a component has them all.
export { componentSchemas, refOf } from './component.ts';

component('OperationName', OperationName, {
  description: 'What to run: dotted lowercase words.',
  more: { pattern: OPERATION.source, maxLength: OPERATION_MAX_LENGTH, examples: ['http.request'] },
});

component('Delay', Delay, {
  description:
    'When a job is due: a duration from now, or an instant with an offset (RFC 3339); at most 30 days.',
  more: { anyOf: [{ pattern: DURATION.source }, { format: 'date-time' }], examples: ['90s'] },
});

component('Duration', Timeout, {
  description: 'A duration: a number and one of `ms`, `s`, `m`, `h`, `d`; at most 24 hours.',
  more: { pattern: DURATION.source, examples: ['500ms', '30s'] },
});

component('SubmitJob', SubmitJob, {
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

component('Callback', CallbackRequest, {
  description: 'A POST with a signed CloudEvent at the end of a job.',
  fields: {
    url: {
      description: 'Where to: http or https, without user name, password and fragment.',
      pattern: '^[Hh][Tt][Tt][Pp][Ss]?://[\\x21\\x22\\x24-\\x7e]{1,2040}$',
    },
    events: { description: 'Which ends it is for; all when absent.', uniqueItems: true },
  },
});

component('JobState', JobState, {
  description: 'Where a job stands; `succeeded`, `failed` and `cancelled` are its end.',
});

component('JobError', JobError, {
  description: 'Why a job, or one attempt of it, did not succeed.',
  fields: { code: 'Stable, for programs.', message: 'For people.' },
});

component('Progress', Progress, {
  description: 'How far a running operation says it is.',
  fields: { fraction: 'From 0 to 1.', message: 'In words.' },
});

component('JobAttempt', JobAttempt, {
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

component('Job', Job, {
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

component('JobEvent', RecordedEvent, {
  description: 'A fact about a job: a whole snapshot, so that the last event of a job is its state.',
  fields: {
    id: 'Its place: ids of one job only grow. Goes into `Last-Event-ID`.',
    kind: 'What happened.',
    jobId: 'To which job.',
    operation: 'What it runs.',
    attempt: 'In which attempt.',
    maxAttempts: 'Of how many.',
    released: 'How often it was handed back without costing an attempt.',
    acceptedAt: 'When the API took the job.',
    startedAt: 'When the attempt began.',
    at: 'When this happened.',
    worker: 'Who tells of it.',
    traceId: 'The trace of the job.',
    fingerprint: 'Digest of the request, of a job with an `Idempotency-Key`.',
    spanId: 'The span of the attempt.',
    progress: 'How far it is.',
    result: 'With `succeeded`: what the operation gave back.',
    error: 'With `failed`, `retrying`, `cancelled`: why.',
    retryInMs: 'With `retrying`: milliseconds until the next attempt.',
    redriveCount: 'How often the job was redriven.',
    previousTraceIds: 'The traces before each redrive, oldest first.',
  },
});

component('CallbackEvent', RecordedCallbackEvent, {
  description: 'What became of one delivery of a callback. It has no say in the state of the job.',
  fields: {
    id: 'Its place among the events of the job.',
    kind: 'What happened.',
    jobId: 'Of which job.',
    url: 'Where to, without the query.',
    attempt: 'In which attempt to deliver it.',
    maxAttempts: 'Of how many.',
    at: 'When this happened.',
    worker: 'Who tried it.',
    status: 'The HTTP status of the receiver, if it answered.',
    error: 'Why it was not delivered.',
    retryInMs: 'With `callback-retrying`: milliseconds until the next attempt.',
    traceId: 'The trace of the job.',
    spanId: 'The span of the delivery.',
    redriveCount: 'How often the job was redriven.',
  },
});

component('HistoryEvent', HistoryEvent, { description: 'What happened to a job, or to its callback.' });

component('JobSummary', JobSummary, {
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

component('JobPage', JobPage, {
  description: 'Jobs, newest first.',
  fields: {
    jobs: 'Those of this page.',
    cursor: 'Where the next page begins; absent on the last one.',
    complete: 'Whether all that was recorded before the request is in it.',
  },
});

component('OutboxItem', OutboxItem, {
  description: 'An accepted job that NATS does not have.',
  fields: {
    id: "The job's id.",
    state: '`pending`: it waits for NATS. `rejected`: NATS will not take it.',
    operation: 'What it runs.',
    addedAt: 'Since when.',
    tries: 'How often it was sent.',
    reason: 'Why NATS rejected it.',
  },
});

component('OutboxList', OutboxList, {
  description: 'Accepted jobs that NATS does not have.',
  fields: { jobs: 'In the order in which they wait.' },
});

component('OutboxStatus', OutboxStatus, {
  description: 'What the outbox of a bridge holds.',
  fields: {
    pending: 'Jobs that wait for NATS.',
    rejected: 'Jobs that NATS will not take.',
    unsettled: 'Jobs that NATS has and whose end has not been seen.',
    bytes: 'How much it is.',
    oldestAgeSeconds: 'How long the oldest of them has waited.',
  },
});

component('JobHistory', JobHistory, {
  description: 'Events of a job, oldest first.',
  fields: { events: 'At most 1,000.', next: 'There is more: send this as `after`.' },
});

const PROBLEM: Words['fields'] = {
  type: { description: 'A URN with the code.', pattern: '^urn:throughline:problem:' },
  title: 'The same for every occurrence of the code.',
  status: 'The HTTP status.',
  code: { description: 'Stable, for programs.', enum: Object.keys(MEANINGS) },
  detail: 'What went wrong this time, for people.',
  traceId: 'Quote it when you ask for help.',
  state: 'With `job-finished`: how the job ended.',
  violations: 'Where and how a value is wrong; `path` is a JSON Pointer into what was sent.',
  suggestions: 'Names that are near one that is not known.',
};

component('Problem', Problem, { description: 'An error (RFC 9457).', fields: PROBLEM });

component('SubmitBatch', Batch, {
  description: `Up to ${LIMITS.batchJobs} jobs.`,
  fields: {
    jobs: {
      description: 'Each is checked by itself: one that is wrong does not spoil the others.',
      items: ref('SubmitJob'),
    },
  },
});

component('BatchResult', BatchResult, {
  description: 'What a request of its own would have been answered: a job, or a problem.',
});

component('BatchReport', BatchReport, {
  description: 'What became of the jobs of a batch.',
  fields: { results: 'One for each job, in the same order.' },
});

component('OperationAnnouncement', OperationAnnouncement, {
  description: 'What a worker announces: what can be run, with which input, within which limits.',
  fields: {
    name: 'Goes into `operation`.',
    inputSchema: 'JSON Schema (2020-12) of the input; `true` takes anything.',
    outputSchema: 'JSON Schema (2020-12) of the result.',
    timeoutMs: 'Milliseconds that one attempt may take.',
    maxAttempts: 'How often a job is tried.',
    description: 'For people.',
  },
});

component('OperationList', OperationList, {
  description: 'What can be run.',
  fields: { operations: 'By name.' },
});

const LETTER = {
  id: "The job's id.",
  operation: 'What it ran.',
  reason: 'The code of the error that ended it.',
  attempts: 'How often it was tried.',
  diedAt: 'When it died.',
  traceId: 'The trace it died in; empty where its message had none.',
  redriveCount: 'How often the job was redriven before.',
  links: 'Addresses, relative to the origin.',
};

component('DeadLetter', DeadLetter, {
  description: 'A job whose attempts are spent.',
  fields: LETTER,
});

component('DeadLetterDetail', DeadLetterDetail, {
  description: 'A dead letter with all that it holds.',
  fields: {
    ...LETTER,
    input: "The job's input; absent where the body is no JSON.",
    body: 'The body in base64, where it is no JSON.',
    headers: 'The headers of its NATS message.',
  },
});

component('DeadLetterPage', DeadLetterPage, {
  description: 'Dead letters, oldest first.',
  fields: {
    deadLetters: 'Those of this page.',
    cursor: 'Where the next page begins; absent on the last one.',
  },
});

component('RedriveRequest', RedriveRequest, {
  description: 'Which dead letters to redrive; all of them when it is empty.',
  fields: {
    operation: 'Only those of this operation.',
    reason: 'Only those that died of this error code.',
    limit: `How many to try at most, up to ${DEAD_LETTER_LIMITS.page}.`,
    cursor: {
      description: 'Of the answer before: goes on with those that were dead at the first request.',
      pattern: REDRIVE_CURSOR.source,
    },
  },
});

component('RedriveReport', RedriveReport, {
  description: 'What became of many dead letters.',
  fields: {
    redriven: 'Ids of the jobs that are queued again.',
    failed: 'Those that are still dead, and why.',
    cursor: 'Send it for the rest; absent when all were looked at.',
  },
});

component('Health', Health, {
  description: 'This Worker runs.',
  fields: { status: 'Always `ok`.' },
});

component('BridgeStatus', BridgeStatus, {
  description: 'How the bridge is connected to NATS.',
  fields: {
    bridge: 'Which bridge.',
    state: 'Of its connection.',
    connections: 'Connections that it has opened so far.',
    roundTripMs: 'Milliseconds to NATS and back; absent when it does not answer.',
    watchedJobs: 'Jobs whose events it follows now.',
    outbox: 'Accepted jobs that NATS does not have.',
  },
});

component('Readiness', Readiness, {
  description: 'This Worker runs, and NATS answers its bridges.',
  fields: { status: 'Always `ready`.', bridges: 'Each of them.' },
});

component('Unreadiness', Unreadiness, {
  description: 'NATS does not answer a bridge.',
  fields: { ...PROBLEM, bridges: 'Each of them; absent where one does not answer itself.' },
});
