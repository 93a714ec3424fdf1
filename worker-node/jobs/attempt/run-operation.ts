import { context } from '@opentelemetry/api';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { isThroughlineError, ThroughlineError } from '../../../shared/errors.ts';
import { LIMITS } from '../../../shared/job/limits.ts';
import { startTimer } from '../../../shared/timers.ts';
import type { WorkerLogger } from '../../log.ts';
import { authorLog } from '../../operations/author-log.ts';
import { resultTooLarge, toJsonValue } from '../../operations/json-value.ts';
import type { Operation, RunContext } from '../../operations/operation.ts';
import { validate } from '../../operations/operation-schema.ts';
import { done, isOutcome, readOutcome } from '../../operations/outcome.ts';
import { readProgress } from '../../operations/progress.ts';
import { withoutStack } from '../../operations/thrown.ts';
import { type JobFields, withJob } from '../../telemetry/job-context.ts';
import { type Attempt, jobInfo } from './attempt.ts';
import type { AttemptAbort } from './attempt-abort.ts';
import { type AttemptOutcome, outcomeOfAbort, outcomeOfThrow } from './attempt-outcome.ts';
import type { JobLease } from './job-lease.ts';
import type { ProgressReporter } from './progress-reporter.ts';

/** What an attempt needs while its operation runs. */
export interface RunOptions {
  /** Ends the attempt, with a ThroughlineError as reason. The time limit of the attempt aborts it too. */
  readonly abort: AttemptAbort;
  readonly progress: Pick<ProgressReporter, 'report' | 'stop'>;
  readonly log: WorkerLogger;
  /** The sequence of the attempt's `started` event; 0 if it has none. */
  readonly fence: number;
  readonly lease: Pick<JobLease, 'mayBeOver' | 'proveBy'>;
  /** Reads the job's record, and ends the attempt if it is not ours any more. */
  readonly look: () => Promise<void>;
  /** How many bytes of JSON the result may have, so that NATS takes the event with it. */
  readonly roomForResult: () => number;
}

/**
 * How often the record is looked at before the operation runs anyway. A broker that answers more slowly than the lease lasts
 * can never show that the lease holds.
 */
const MAX_LOOKS = 3;
/** A result of this size fits into a message of every server: the worker does not start with one that takes less. */
const ALWAYS_FITS = 16 * 1024;
/** How many bytes a UTF-16 code unit of a text has at most in UTF-8. */
const MOST_BYTES = 3;

/** Runs one attempt of an operation within its time limit. Never throws: every end is an outcome. */
export async function runOperation(
  operation: Operation,
  attempt: Attempt,
  options: RunOptions,
): Promise<AttemptOutcome> {
  const { abort, progress } = options;
  const limitMs = Math.min(attempt.job.spec.timeoutMs ?? operation.timeoutMs, operation.timeoutMs);
  const jobContext = withJob(context.active(), fieldsOf(attempt), (cause) => {
    abort.abort(new ThroughlineError('operation-failed', 'the operation left an error behind', { cause }));
  });
  abort.callIn(jobContext);
  const timer = startTimer(limitMs, () => {
    abort.abort(new ThroughlineError('operation-timeout', `the attempt took longer than ${limitMs} ms`));
  });
  try {
    const run = (): Promise<AttemptOutcome> => runHandler(operation, attempt, options);
    const running = context.with(jobContext, run);
    return await Promise.race([running, abort.whenAborted]);
  } catch (thrown) {
    // An operation that is aborted often throws an error of its own. The reason of the signal says what happened.
    return abort.aborted ? outcomeOfAbort(abort.reason) : outcomeOfThrow(thrown);
  } finally {
    timer.stop();
    abort.close();
    progress.stop();
  }
}

async function runHandler(
  operation: Operation,
  attempt: Attempt,
  options: RunOptions,
): Promise<AttemptOutcome> {
  const { abort, log, lease, look, roomForResult } = options;
  const warn = (reason: string): void =>
    log.warn({ ...fieldsOf(attempt), reason }, 'the operation gave a value that cannot be used');
  const warnOfProgress = once(warn);
  const ended = await endOf(async () => {
    const input = await validate(operation.input, attempt.job.input, 'input');
    const runContext = runContextOf(input, attempt, options, warnOfProgress);
    // The process may have been paused since `started` was stored, or the check of the input took long. Then another attempt
    // may have ended the job. So nothing waits between the last look at the clock and the first line of the operation.
    for (let looks = 0; lease.mayBeOver && looks < MAX_LOOKS; looks++) await lease.proveBy(look);
    if (abort.reason !== undefined) throw abort.reason;
    return await operation.run(runContext);
  });
  const outcome = isOutcome(ended) ? readOutcome(ended, warn) : done(ended);
  return outcome.kind === 'done' ? await checkResult(operation, outcome.result, roomForResult) : outcome;
}

/** What the operation's code gets. @param warn tells the operator of progress that cannot be read */
function runContextOf(
  input: unknown,
  attempt: Attempt,
  { abort, progress, log, fence }: RunOptions,
  warn: (reason: string) => void,
): RunContext<unknown> {
  const withoutSignal: Omit<RunContext<unknown>, 'signal'> = {
    input,
    job: jobInfo(attempt, fence),
    progress: (given: unknown): void => {
      const value = readProgress(given, warn);
      if (value !== undefined) progress.report(value);
    },
    log: authorLog(log, fieldsOf(attempt)),
  };
  const more = { [ABORT]: { value: abort }, signal: SIGNAL };
  return Object.defineProperties(withoutSignal, more) as RunContext<unknown>;
}

const ABORT = Symbol('abort');

/** One for all attempts: see docs/decisions/worker.md, "The memory of jobs that have ended". */
const SIGNAL = {
  configurable: true,
  enumerable: true,
  get(this: { readonly [ABORT]: AttemptAbort }): AbortSignal {
    return this[ABORT].signal;
  },
};

/** What the code of the author returns. An outcome that it throws counts as returned. */
async function endOf(run: () => Promise<unknown>): Promise<unknown> {
  try {
    return await run();
  } catch (thrown) {
    if (isOutcome(thrown)) return thrown;
    throw thrown;
  }
}

async function checkResult(
  { output }: Operation,
  returned: unknown,
  roomForResult: RunOptions['roomForResult'],
): Promise<AttemptOutcome> {
  const result = toJsonValue(output === undefined ? returned : await checkOutput(output, returned));
  const json = JSON.stringify(result) ?? 'null';
  if (MOST_BYTES * json.length <= ALWAYS_FITS) return { kind: 'done', result };
  const length = Buffer.byteLength(json);
  const limit = Math.min(LIMITS.resultBytes, roomForResult());
  if (length > limit) throw resultTooLarge(length, limit);
  return { kind: 'done', result };
}

async function checkOutput(schema: StandardSchemaV1, result: unknown): Promise<unknown> {
  try {
    return await validate(schema, result, 'result');
  } catch (cause) {
    // The schema's own words may quote the value.
    const paths = isThroughlineError(cause) ? cause.violations.map(({ path }) => path || '/') : ['/'];
    const message = `the result does not fit the output schema of the operation: ${paths.join(', ')}`;
    throw withoutStack(new ThroughlineError('operation-rejected', message, { cause }));
  }
}

function fieldsOf({ job, number }: Attempt): JobFields {
  const { jobId, operation, tenant } = job.address;
  return { job_id: jobId, operation, tenant, attempt: number };
}

function once(tell: (sentence: string) => void): (sentence: string) => void {
  let told = false;
  return (sentence) => {
    if (!told) tell(sentence);
    told = true;
  };
}
