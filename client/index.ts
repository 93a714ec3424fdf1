/** A client of the HTTP API. It needs only `fetch`, so it runs on Node, Deno, workerd and in browsers. */

export type {
  DeadLetter,
  DeadLetterDetail,
  DeadLetterPage,
  RedriveReport,
} from '../shared/api/dead-letter.ts';
export type { JobPage, JobSummary } from '../shared/api/job-list.ts';
export type { ListedOperation } from '../shared/api/operation.ts';
export type { OutboxItem } from '../shared/api/outbox.ts';
export type { Problem } from '../shared/api/problem.ts';
export type { Schedule, SchedulePage, ScheduleRun, ScheduleSummary } from '../shared/api/schedule.ts';
export type { BatchReport, BatchResult } from '../shared/api/submit-job.ts';
export type { ErrorCode, Violation } from '../shared/errors.ts';
export type { HistoryEvent, RecordedCallbackEvent, RecordedEvent } from '../shared/job/event-record.ts';
export type { Job, JobAttempt, JobFailure, JobState } from '../shared/job/job.ts';
export { isTerminal } from '../shared/job/job-state.ts';
export type { InputOf, OperationTypes, ResultOf } from '../shared/operation-types.ts';
export { ThroughlineClient } from './client.ts';
export { ApiError, NoAnswerError } from './errors.ts';
export type {
  CallOptions,
  ClientOptions,
  DeadLetterFilter,
  JobFilter,
  RedriveFilter,
  ScheduleFilter,
  ScheduleRequest,
  Submission,
  SubmitOptions,
  TraceHeaders,
  WaitOptions,
  WatchOptions,
} from './options.ts';
export type { Schedules } from './schedules.ts';
export type { EventOf, JobId, JobOf, NamedOptions, RegistryOf, Submitted } from './typed.ts';
