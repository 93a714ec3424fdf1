/** A client of the HTTP API. It needs only `fetch`, so it runs on Node, Deno, workerd and in browsers. */

export type { BatchReport, BatchResult } from '../shared/api/answers/batch-report.ts';
export type { CancelReport } from '../shared/api/answers/cancel-report.ts';
export type {
  DeadLetter,
  DeadLetterDetail,
  DeadLetterPage,
  RedriveReport,
} from '../shared/api/answers/dead-letter.ts';
export type {
  HistoryEvent,
  RecordedCallbackEvent,
  RecordedEvent,
} from '../shared/api/answers/job-history.ts';
export type { JobPage, JobSummary } from '../shared/api/answers/job-list.ts';
export type { ListedOperation } from '../shared/api/answers/operation-list.ts';
export type { OutboxItem } from '../shared/api/answers/outbox.ts';
export type { Problem } from '../shared/api/answers/problem.ts';
export type { Schedule, SchedulePage, ScheduleRun, ScheduleSummary } from '../shared/api/answers/schedule.ts';
export type { UsageReport } from '../shared/api/usage.ts';
export type { ErrorCode, Violation } from '../shared/errors.ts';
export type { JobFailure } from '../shared/job/attempt-report.ts';
export type { Job, JobAttempt, JobState } from '../shared/job/job.ts';
export { isTerminal } from '../shared/job/job-state.ts';
export type { InputOf, OperationTypes, ResultOf } from '../shared/operation-types.ts';
export { ThroughlineClient } from './client.ts';
export { ApiError, NoAnswerError } from './errors.ts';
export type {
  CallOptions,
  CancelFilter,
  ClientOptions,
  DeadLetterFilter,
  Explain,
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
export type { BatchReportOf, EventOf, JobId, JobOf, NamedOptions, RegistryOf, Submitted } from './typed.ts';
