/** The types of the client for callers who know their operations. Nothing here exists at run time. */

import type { BatchResult } from '../shared/api/answers/batch-report.ts';
import type { HistoryEvent, RecordedEvent } from '../shared/api/answers/job-history.ts';
import type { Job, JobState } from '../shared/job/job.ts';
import type { InputOf, OperationTypes, ResultOf } from '../shared/operation-types.ts';
import type { ScheduleRequest, Submission, SubmitOptions } from './options.ts';

/** The registry of a client that has none: any operation, with any input. */
export type AnyOperations = Readonly<Record<string, OperationTypes>>;

/** The name that an operation was defined with. */
export type NameOf<Operation> = Operation extends { readonly name: infer Name extends string } ? Name : never;

/**
 * A registry of the operations that a module exports, by the names that they were defined with.
 * @example
 * import type * as operations from './operations/index.ts';
 * const client = new ThroughlineClient<RegistryOf<typeof operations>>({ url, apiKey });
 */
export type RegistryOf<Operations> = {
  readonly [Operation in Operations[keyof Operations] as NameOf<Operation>]: Operation;
};

/** The names of a registry. */
export type NameIn<Registry> = Extract<keyof Registry, string>;

/** The id of a job: a text, whose type remembers the operation. So `wait(job.id)` knows the result. */
export type JobId<Operation = unknown> = string & { readonly '~operation'?: Operation };

/** A job of an operation whose result is known. */
export type JobOf<Operation = unknown> =
  unknown extends ResultOf<Operation>
    ? Job
    : Omit<Job, 'id' | 'state' | 'result'> & { id: JobId<Operation> } & (
          | { state: 'succeeded'; result: ResultOf<Operation> }
          | { state: Exclude<JobState, 'succeeded'>; result?: undefined }
        );

/** An event of such a job. Only a `succeeded` one has a result. */
export type EventOf<Operation = unknown> =
  unknown extends ResultOf<Operation>
    ? HistoryEvent
    :
        | Exclude<HistoryEvent, RecordedEvent>
        | (Omit<RecordedEvent, 'result'> & { result?: ResultOf<Operation> });

/** The job that a submission made or found. */
export interface Submitted<Operation = unknown> {
  readonly job: JobOf<Operation>;
  /** The HTTP status. */
  readonly status: number;
  /** The same request came before, with the same `idempotencyKey`. */
  readonly replayed: boolean;
  /** The job was there already, with the same `unique` key. */
  readonly existing: boolean;
}

/** What a job may ask for besides its operation and its input. */
export type JobFields = Omit<Submission, 'operation' | 'input'>;
/** The options of a submission by the name of an operation. */
export type NamedOptions = SubmitOptions & JobFields;

/** Fields, and the operation and its input. */
type Of<Fields, Name, Operation> = Fields & { readonly operation: Name; readonly input: InputOf<Operation> };

/** A submission of an operation that a registry names. */
export type SubmissionIn<Registry, Name extends NameIn<Registry>> = Of<JobFields, Name, Registry[Name]>;
/** A submission of an operation. */
export type SubmissionOf<Operation> = Of<JobFields, NameOf<Operation>, Operation>;

type ScheduleFields = Omit<ScheduleRequest, 'operation' | 'input'>;
/** A schedule of an operation that a registry names. */
export type ScheduleIn<Registry, Name extends NameIn<Registry>> = Of<ScheduleFields, Name, Registry[Name]>;
/** A schedule of an operation. */
export type ScheduleOf<Operation> = Of<ScheduleFields, NameOf<Operation>, Operation>;

type BatchResultOf<Operation> =
  | Extract<BatchResult, { problem: unknown }>
  | (Omit<Extract<BatchResult, { job: Job }>, 'job'> & { job: JobOf<Operation> });

/** The report of a batch of jobs whose operations are known, in order. */
export interface BatchReportOf<Operations extends readonly unknown[]> {
  readonly results: { readonly [Index in keyof Operations]: BatchResultOf<Operations[Index]> };
}

/** A batch of jobs that are not known before they are sent. */
export type UnknownBatch<Registry> = string extends keyof Registry ? readonly unknown[] : never;
