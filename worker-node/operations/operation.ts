import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { RetryPolicy } from '../../shared/backoff.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import type { Progress } from '../../shared/job/job.ts';
import { isOperationName } from '../../shared/job/job-address.ts';
import { LIMITS } from '../../shared/job/limits.ts';
import { parseDuration } from '../../shared/text/duration.ts';
import type { WorkerLogger } from '../log.ts';
import type { Outcome } from './outcome.ts';

/** What an operation knows about the job that it runs. */
export interface JobInfo {
  readonly id: string;
  readonly tenant: string;
  readonly operation: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly acceptedAt: string;
}

export interface RunContext<Input> {
  readonly input: Input;
  readonly job: JobInfo;
  /**
   * Aborts at the time limit, when the job is cancelled, when another worker has it, and when this worker stops.
   * `signal.reason` is a ThroughlineError whose code says which.
   */
  readonly signal: AbortSignal;
  /** Reports how far the job is: a fraction from 0 to 1, a text, or both. */
  readonly progress: (progress: Progress) => void;
  /** A logger whose lines carry the ids of the job's trace. */
  readonly log: WorkerLogger;
}

export interface OperationDefinition<Input, Output> {
  /** Dotted lowercase words: `image.thumbnail`. */
  readonly name: string;
  readonly description?: string;
  /** Any Standard Schema: zod, valibot, arktype, … */
  readonly input: StandardSchemaV1<unknown, Input>;
  readonly output?: StandardSchemaV1<unknown, Output>;
  /** The time limit of one attempt: `"30s"`, `"5m"`; 30 s by default. */
  readonly timeout?: string;
  /** The most attempts of a job; 5 by default. */
  readonly maxAttempts?: number;
  /** How many attempts may run at the same time in one worker. By default only the worker's own limit applies. */
  readonly concurrency?: number;
  readonly retry?: Partial<RetryPolicy>;
  readonly run: (context: RunContext<Input>) => Promise<Output | Outcome> | Output | Outcome;
}

/** An operation whose settings are checked and complete. */
export interface Operation {
  readonly name: string;
  readonly description: string | undefined;
  readonly input: StandardSchemaV1<unknown, unknown>;
  readonly output: StandardSchemaV1<unknown, unknown> | undefined;
  readonly timeoutMs: number;
  readonly maxAttempts: number;
  readonly concurrency: number;
  readonly retry: RetryPolicy;
  readonly run: (context: RunContext<unknown>) => unknown;
}

const DEFAULT_TIMEOUT = '30s';
export const DEFAULT_MAX_ATTEMPTS = 5;
const DEFAULT_RETRY: RetryPolicy = { minDelayMs: 1_000, maxDelayMs: 60_000 };

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
export function defineOperation<Input, Output>(definition: OperationDefinition<Input, Output>): Operation {
  const { name, description, input, output, retry, run } = definition;
  const { timeout = DEFAULT_TIMEOUT, maxAttempts = DEFAULT_MAX_ATTEMPTS, concurrency } = definition;
  checkDefinition(definition);
  const operation: Operation = {
    name,
    description,
    input,
    output,
    timeoutMs: parseDuration(timeout) ?? 0,
    maxAttempts,
    concurrency: concurrency ?? Number.POSITIVE_INFINITY,
    retry: { ...DEFAULT_RETRY, ...retry },
    // The worker has validated the input with this operation's schema before.
    run: (context) => run(context as RunContext<Input>),
  };
  return Object.defineProperty(operation, DEFINED, { value: true });
}

/** Checks every setting, since authors who write JavaScript have no types. */
function checkDefinition<Input, Output>(definition: OperationDefinition<Input, Output>): void {
  const { name, input, output, concurrency, retry, run } = definition;
  const { timeout = DEFAULT_TIMEOUT, maxAttempts = DEFAULT_MAX_ATTEMPTS } = definition;
  const timeoutMs = parseDuration(timeout) ?? 0;
  const check = (condition: boolean, rule: string): void => {
    if (!condition) throw new ThroughlineError('config-invalid', `operation ${name}: ${rule}`);
  };
  if (!isOperationName(name)) {
    const message = `operation ${JSON.stringify(name)}: name must be dotted lowercase words`;
    throw new ThroughlineError('config-invalid', message);
  }
  check(isSchema(input), 'input must be a Standard Schema, for example of zod');
  check(
    timeoutMs >= 1 && timeoutMs <= LIMITS.timeoutMs,
    'timeout must be a duration such as "30s", "1h30m" or "PT1H", at most 24 hours',
  );
  check(isCount(maxAttempts, LIMITS.maxAttempts), `maxAttempts must be 1 to ${LIMITS.maxAttempts}`);
  check(concurrency === undefined || isCount(concurrency, 1e6), 'concurrency must be 1 or more');
  check(typeof run === 'function', 'run must be a function');
  check(output === undefined || isSchema(output), 'output must be a Standard Schema, or left out');
  check(isPolicy(retry), 'retry must hold minDelayMs and maxDelayMs of 0 or more');
}

/** Whether {@link defineOperation} made `value`, in this copy of the module or in another one. */
export function isOperation(value: unknown): value is Operation {
  return typeof value === 'object' && value !== null && DEFINED in value;
}

function isSchema(value: unknown): boolean {
  return (typeof value === 'object' || typeof value === 'function') && value !== null && '~standard' in value;
}

function isPolicy(policy: Partial<RetryPolicy> = {}): boolean {
  return [policy.minDelayMs, policy.maxDelayMs].every(
    (ms) => ms === undefined || (Number.isFinite(ms) && ms >= 0),
  );
}

function isCount(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= max;
}
