import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { ConcurrencyLimit, RateLimit } from '../../shared/api/operation.ts';
import type { Progress } from '../../shared/job/attempt-report.ts';
import type { LimitKey } from '../../shared/job/limit-key.ts';
import type { Json, TypedOperation } from '../../shared/operation-types.ts';
import type { WorkerLogger } from '../log.ts';
import type { CarriedContext } from '../telemetry/carried-context.ts';
import { type RetryPolicy, readDefinition } from './definition.ts';
import type { Outcome } from './outcome.ts';

/** What an operation knows about the job that it runs. */
export interface JobInfo extends CarriedContext {
  readonly id: string;
  readonly tenant: string;
  readonly operation: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly maxAttempts: number;
  /**
   * A number that grows with each attempt, of this job and of all others, on all hosts. A database that keeps the highest
   * one it has seen can refuse an attempt that was paused while another one took over. It is 0 in a first attempt of an operation with
   * `record: 'end'`.
   */
  readonly fence: number;
  /** How often the job was redriven; 0 if it never was. */
  readonly redriveCount: number;
  readonly acceptedAt: string;
}

/** What `run` of an operation gets. */
export interface RunContext<Input> {
  readonly input: Input;
  readonly job: JobInfo;
  /**
   * Aborts at the time limit, when the job is cancelled, when another attempt has it or has ended it, when this worker
   * stops, and when the code of the attempt has left an error behind.
   * `signal.reason` is a ThroughlineError whose code says which.
   */
  readonly signal: AbortSignal;
  /** Reports how far the job is: a fraction from 0 to 1, a text, or both. */
  readonly progress: (progress: Progress) => void;
  /** A logger whose lines carry the ids of the job's trace. */
  readonly log: WorkerLogger;
}

/** How the spans of an operation's attempts look. */
export interface OperationTracing {
  /**
   * Which failed attempts have the status `ERROR`: with `final`, only the last one, after which the job has failed; with
   * `all`, also those that are tried again. Each has the exception and the code of the error.
   */
  readonly errors: 'final' | 'all';
  /**
   * Which trace has the attempts of a job that was delayed for more than an hour: with `continuous`, that of its caller; with
   * `linked`, each attempt has a trace of its own, with a link to the span that sent the job.
   */
  readonly late: 'continuous' | 'linked';
}

/** Which parts of an attempt are stored. */
export type RecordedParts = 'attempts' | 'end';

/** What an author passes to {@link defineOperation}. */
export interface OperationDefinition<
  Name extends string = string,
  Input extends StandardSchemaV1 = StandardSchemaV1,
  Output extends StandardSchemaV1 | undefined = StandardSchemaV1 | undefined,
  Returned = unknown,
> {
  /** Dotted lowercase words: `image.thumbnail`. */
  readonly name: Name;
  readonly description?: string;
  /** Any Standard Schema: zod, valibot, arktype, … */
  readonly input: Input;
  /** The result is what this schema makes of what `run` returns. */
  readonly output?: Output;
  /** The time limit of one attempt: `"30s"`, `"5m"`; 30 s by default, at most 24 h. */
  readonly timeout?: string;
  /** The most attempts of a job; 5 by default. */
  readonly maxAttempts?: number;
  /**
   * How many attempts may run at the same time. A number is for one worker; by default only the worker's own limit applies.
   * With a key, the limit is for all workers together, and for each value of the key within a tenant: `tenant`, or a JSON
   * Pointer into the input. `perHost` also bounds the attempts in one worker, as a number does. Other jobs wait, which
   * costs no attempt.
   */
  readonly concurrency?:
    | number
    | { readonly key: LimitKey; readonly limit: number; readonly perHost?: number };
  /** How many attempts may start within any `period` (`"1m"`), for each value of the key within a tenant. Others wait. */
  readonly rateLimit?: { readonly key: LimitKey; readonly limit: number; readonly period: string };
  /** The longest pauses between the attempts; at most a day, and 1 s and 60 s by default. */
  readonly retry?: Partial<RetryPolicy>;
  /**
   * Which parts of an attempt are stored: with `attempts`, its start and its end; with `end`, the first attempt of a job stores only its end,
   * which is faster. That is for operations that take milliseconds, read no `job.fence`, and may run once more than `maxAttempts`
   * allows: an attempt that kills its worker leaves no trace. `attempts` by default.
   */
  readonly record?: RecordedParts;
  /** How the spans of its attempts look. */
  readonly tracing?: Partial<OperationTracing>;
  readonly run: (context: RunContext<StandardSchemaV1.InferOutput<Input>>) => Promise<Returned> | Returned;
}

/** What `run` may return: an outcome, or what the output schema accepts. */
type Returnable<Output> = Output extends StandardSchemaV1
  ? StandardSchemaV1.InferInput<Output> | Outcome
  : unknown;

/** The result that a caller gets, as JSON gives it. */
type ResultOf<Output, Returned> = Json<
  Output extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<Output> : ValueOf<Returned>
>;

/** What an outcome leaves of what `run` returns. */
type ValueOf<Returned> = Returned extends { readonly kind: 'done'; readonly result: infer Value } & Outcome
  ? Value
  : Exclude<Returned, Outcome>;

/** An operation whose settings are checked and complete. `typeof` an operation tells its callers what it takes and gives. */
export interface Operation<Input = unknown, Result = unknown, Name extends string = string>
  extends TypedOperation<Input, Result, Name> {
  readonly description: string | undefined;
  readonly input: StandardSchemaV1<unknown, unknown>;
  readonly output: StandardSchemaV1<unknown, unknown> | undefined;
  readonly timeoutMs: number;
  readonly maxAttempts: number;
  readonly concurrency: number;
  readonly concurrencyLimit?: ConcurrencyLimit;
  readonly rateLimit?: RateLimit;
  readonly retry: RetryPolicy;
  readonly tracing: OperationTracing;
  readonly record: RecordedParts;
  readonly run: (context: RunContext<unknown>) => unknown;
}

const DEFINED = Symbol.for('throughline.operation');

/**
 * Defines an operation: a named function with a schema and limits.
 * @example
 * export default defineOperation({
 *   name: 'math.add',
 *   input: z.object({ a: z.number(), b: z.number() }),
 *   run: ({ input }) => ({ sum: input.a + input.b }),
 * });
 * @throws ThroughlineError `config-invalid` naming the operation and the setting
 */
export function defineOperation<
  const Name extends string,
  Input extends StandardSchemaV1,
  Returned extends Returnable<Output>,
  Output extends StandardSchemaV1 | undefined = undefined,
>(
  definition: OperationDefinition<Name, Input, Output, Returned>,
): Operation<StandardSchemaV1.InferInput<Input>, ResultOf<Output, Returned>, Name> {
  const { description, output, run, ...settings } = readDefinition(definition);
  // The worker validates the input with this operation's schema before it calls `run`.
  const operation: Operation<never, never, Name> = {
    ...settings,
    name: settings.name as Name,
    description,
    output,
    run: (context) => run.call(definition, context as never),
  };
  // Nothing checks an operation again, so nothing may change it.
  return Object.freeze(Object.defineProperty(operation, DEFINED, { value: true }));
}

/** Whether {@link defineOperation} made `value`, in this copy of the module or in another one. */
export function isOperation(value: unknown): value is Operation {
  try {
    return typeof value === 'object' && value !== null && Object.hasOwn(value, DEFINED);
  } catch {
    // A proxy may throw.
    return false;
  }
}
