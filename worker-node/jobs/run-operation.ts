import { ThroughlineError } from '../../shared/errors.ts';
import { LIMITS, Progress } from '../../shared/job/job.ts';
import { writeJson } from '../../shared/wire/json-body.ts';
import type { WorkerLogger } from '../log.ts';
import type { Operation } from '../operations/operation.ts';
import { validate } from '../operations/operation-schema.ts';
import { isOutcome, type Outcome } from '../operations/outcome.ts';
import { type Attempt, jobInfo } from './attempt.ts';

/**
 * What an attempt came to: what its author said, or, before he could, the worker stopped, the job was cancelled, or it
 * turned out to be another delivery's.
 */
export type AttemptOutcome =
  | Outcome
  | { readonly kind: 'released' }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'superseded' };

export interface RunOptions {
  /** Aborts when the worker may wait for its jobs no longer. */
  readonly stop: AbortSignal;
  /** Aborts when the job is cancelled or another's, with the cause for the handler. */
  readonly cancelled: AbortSignal;
  readonly log: WorkerLogger;
  readonly onProgress: (progress: Progress) => void;
}

/** Runs one attempt of an operation under its deadline. Never throws: every end is an outcome. */
export async function runOperation(
  operation: Operation,
  attempt: Attempt,
  options: RunOptions,
): Promise<AttemptOutcome> {
  const limitMs = Math.min(attempt.job.timeoutMs ?? operation.timeoutMs, operation.timeoutMs);
  const abort = new AbortController();
  const onStop = (): void => abort.abort(new ThroughlineError('worker-stopping', 'the worker is stopping'));
  const timer = setTimeout(() => {
    abort.abort(new ThroughlineError('operation-timeout', `the attempt took longer than ${limitMs} ms`));
  }, limitMs);
  const onCancel = (): void => abort.abort(options.cancelled.reason);
  options.cancelled.addEventListener('abort', onCancel, { once: true });
  if (options.cancelled.aborted) onCancel();
  options.stop.addEventListener('abort', onStop, { once: true });
  if (options.stop.aborted) onStop();
  // What a handler that was cut off still reports comes too late: the end of an attempt is its last word.
  let ended = false;
  const onProgress = (progress: Progress): void => {
    if (!ended) options.onProgress(progress);
  };
  try {
    const run = runHandler(operation, attempt, { ...options, onProgress }, abort.signal);
    return await Promise.race([run, aborted(abort.signal)]);
  } catch (thrown) {
    // What a handler throws once its signal is aborted is mostly the abort itself; the cause is what counts.
    return outcomeOfThrow(abort.signal.aborted ? abort.signal.reason : thrown);
  } finally {
    ended = true;
    clearTimeout(timer);
    options.stop.removeEventListener('abort', onStop);
    options.cancelled.removeEventListener('abort', onCancel);
  }
}

async function runHandler(
  operation: Operation,
  attempt: Attempt,
  options: RunOptions,
  signal: AbortSignal,
): Promise<Outcome> {
  const input = await validate(operation.input, attempt.job.input, 'input');
  signal.throwIfAborted();
  const returned = await operation.run({
    input,
    job: jobInfo(attempt),
    signal,
    progress: (progress) => options.onProgress(Progress.parse(progress)),
    log: options.log,
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
    `the result is ${size} bytes of JSON; at most ${LIMITS.resultBytes} can be kept, so store it and return its address`,
  );
}

function sizeOf(output: unknown): number {
  try {
    return writeJson(output).length;
  } catch (cause) {
    // A circle, a BigInt: the same code would return the same again.
    throw new ThroughlineError('operation-rejected', 'the result cannot be written as JSON', { cause });
  }
}

async function checkOutput(operation: Operation, result: unknown): Promise<unknown> {
  try {
    return operation.output === undefined ? result : await validate(operation.output, result, 'output');
  } catch (cause) {
    // The same code would give the same output again.
    throw new ThroughlineError('operation-rejected', ThroughlineError.from(cause).message, { cause });
  }
}

/** The one place where a throw becomes an outcome. */
function outcomeOfThrow(thrown: unknown): AttemptOutcome {
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
