import { ThroughlineError } from '../../shared/errors.ts';
import { Progress } from '../../shared/job/job.ts';
import { LIMITS } from '../../shared/job/limits.ts';
import { startTimer } from '../../shared/timers.ts';
import { writeJson } from '../../shared/wire/json-body.ts';
import type { WorkerLogger } from '../log.ts';
import type { Operation } from '../operations/operation.ts';
import { validate } from '../operations/operation-schema.ts';
import { isOutcome, type Outcome } from '../operations/outcome.ts';
import { type Attempt, jobInfo } from './attempt.ts';
import type { AttemptAbort } from './attempt-abort.ts';
import type { ProgressReporter } from './progress-reporter.ts';

/** How an attempt ended: as the operation says, or because its signal aborted first. */
export type AttemptOutcome =
  | Outcome
  /** The worker stopped before the attempt ended. */
  | { readonly kind: 'released' }
  | { readonly kind: 'cancelled' }
  /** Another delivery has the job. */
  | { readonly kind: 'superseded' };

export interface RunOptions {
  /** Ends the attempt, with a ThroughlineError as reason. The time limit of the attempt aborts it too. */
  readonly abort: AttemptAbort;
  readonly progress: Pick<ProgressReporter, 'report' | 'stop'>;
  readonly log: WorkerLogger;
}

/** Runs one attempt of an operation within its time limit. Never throws: every end is an outcome. */
export async function runOperation(
  operation: Operation,
  attempt: Attempt,
  options: RunOptions,
): Promise<AttemptOutcome> {
  const { abort, progress } = options;
  const limitMs = Math.min(attempt.job.spec.timeoutMs ?? operation.timeoutMs, operation.timeoutMs);
  const timer = startTimer(limitMs, () => {
    abort.abort(new ThroughlineError('operation-timeout', `the attempt took longer than ${limitMs} ms`));
  });
  try {
    return await Promise.race([runHandler(operation, attempt, options), aborted(abort.signal)]);
  } catch (thrown) {
    // An operation that is aborted often throws an error of its own. The reason of the signal says what happened.
    return outcomeOfThrow(abort.signal.aborted ? abort.signal.reason : thrown);
  } finally {
    timer.stop();
    abort.close();
    progress.stop();
  }
}

async function runHandler(
  operation: Operation,
  attempt: Attempt,
  { abort: { signal }, progress, log }: RunOptions,
): Promise<Outcome> {
  const input = await validate(operation.input, attempt.job.input, 'input');
  signal.throwIfAborted();
  const returned = await operation.run({
    input,
    job: jobInfo(attempt),
    signal,
    progress: (value) => progress.report(Progress.parse(value)),
    log,
  });
  if (isOutcome(returned))
    return returned.kind === 'done' ? await checked(operation, returned.result) : returned;
  return await checked(operation, returned);
}

async function checked(operation: Operation, result: unknown): Promise<Outcome> {
  const output = operation.output === undefined ? result : await checkOutput(operation, result);
  const size = sizeOf(output);
  if (size <= LIMITS.resultBytes) return { kind: 'done', result: output };
  throw new ThroughlineError(
    'operation-rejected',
    `the result is ${size} bytes of JSON; at most ${LIMITS.resultBytes} can be stored with the job, so store the result elsewhere and return its address`,
  );
}

function sizeOf(output: unknown): number {
  try {
    return writeJson(output).length;
  } catch (cause) {
    // The result holds a circle or a BigInt. Another attempt would return the same.
    throw new ThroughlineError('operation-rejected', 'the result cannot be written as JSON', { cause });
  }
}

async function checkOutput(operation: Operation, result: unknown): Promise<unknown> {
  try {
    return operation.output === undefined ? result : await validate(operation.output, result, 'output');
  } catch (cause) {
    // Another attempt would return the same.
    throw new ThroughlineError('operation-rejected', ThroughlineError.from(cause).message, { cause });
  }
}

/** The outcome of a throw, or of an aborted signal's reason. No other function maps throws to outcomes. */
export function outcomeOfThrow(thrown: unknown): AttemptOutcome {
  const { code, ack, message } = ThroughlineError.from(thrown, 'operation-failed');
  if (code === 'job-cancelled') return { kind: 'cancelled' };
  if (code === 'attempt-superseded') return { kind: 'superseded' };
  if (code === 'worker-stopping') return { kind: 'released' };
  return { kind: ack === 'term' ? 'reject' : 'retry', code, message };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, fail) => {
    const onAbort = (): void => fail(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}
