/** A client of the HTTP API for Node, Deno, browsers and workerd: it needs `fetch`, and nothing of a runtime. */
export type { BatchReport, BatchResult } from '../shared/batch.ts';
export type { DeadLetter, DeadLetterDetail, DeadLetterPage, RedriveReport } from '../shared/dead-letter.ts';
export type { ErrorCode, Violation } from '../shared/errors.ts';
export type { HistoryEvent, RecordedCallbackEvent, RecordedEvent } from '../shared/event-record.ts';
export { isTerminal, type Job, type JobAttempt, type JobError, type JobState } from '../shared/job.ts';
export type { JobPage, JobSummary } from '../shared/job-list.ts';
export type { OperationAnnouncement } from '../shared/operation.ts';
export type { OutboxItem } from '../shared/outbox.ts';
export type { Problem } from '../shared/problem.ts';
export { ApiError } from './api-error.ts';
export { type ClientOptions, ThroughlineClient } from './client.ts';
export { NoAnswerError } from './no-answer-error.ts';
export type {
  CallOptions,
  DeadLetterFilter,
  JobFilter,
  RedriveFilter,
  Submission,
  SubmitOptions,
  TraceHeaders,
  WaitOptions,
  WatchOptions,
} from './options.ts';
