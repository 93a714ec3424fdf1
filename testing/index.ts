/** The package `throughline/testing`: runs operations in tests, with any test runner. */
export type { OperationTypes } from '../shared/operation-types.ts';
export type { SpanRecord } from '../shared/trace/span-record.ts';
export type { EndedAttempt } from './attempt.ts';
export type { JobOptions } from './job.ts';
export type { LogLine } from './log.ts';
export { type OperationRun, type RunOptions, runOperation } from './run-operation.ts';
export { type AddedWorker, startStack, type TestStack, type TestStackOptions } from './stack.ts';
