import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { writeRequestBody } from '../client/request-body.ts';
import { ThroughlineError } from '../shared/errors.ts';
import type { JobFailure, Progress } from '../shared/job/attempt-report.ts';
import type { InputOf, ResultOf } from '../shared/operation-types.ts';
import { extract, fromRecord, startTrace, ThroughlinePropagator } from '../shared/propagation/index.ts';
import type { DeadLetterReason } from '../shared/wire/dead-letter.ts';
import { isOperation, type Operation } from '../worker-node/operations/operation.ts';
import { refuseExit } from '../worker-node/operations/refuse-exit.ts';
import { activeJob, failActiveJob } from '../worker-node/telemetry/job-context.ts';
import { type EndedAttempt, TestAttempt } from './attempt.ts';
import { type Clock, fakeTime, REAL_TIME } from './clock.ts';
import { type JobOptions, testJob } from './job.ts';
import type { LogLine } from './log.ts';
import { checkOptions, RUN_OPTIONS } from './options.ts';

/** The options of {@link runOperation}. */
export interface RunOptions extends JobOptions {
  /**
   * `fake`: pauses cost nothing, and the timers of the operation neither. Time jumps to the next one while the process waits
   * for nothing else. `real`: the time of this machine. `fake` by default.
   */
  readonly time?: 'fake' | 'real';
  /** Where in its bounds each pause of the retry policy is, from 0 to 1 (exclusive); 0.5 by default. In production: random. */
  readonly jitter?: number;
  /** The caller cancels the job so many milliseconds after its first attempt began. */
  readonly cancelAfterMs?: number;
  /** The worker stops so many milliseconds after the first attempt began. The job then goes back to the queue. */
  readonly stopAfterMs?: number;
  /** Cancels the job when it aborts. */
  readonly cancel?: AbortSignal;
}

/** What became of a job, as its caller, its operator and its log saw it. */
export type OperationRun<Result> = End<Result> & RunFacts;

type End<Result> =
  | { readonly state: 'succeeded'; readonly result: Result; readonly error?: undefined }
  | { readonly state: 'failed' | 'cancelled'; readonly result?: undefined; readonly error: JobFailure }
  /** The worker stopped: another one would go on. */
  | { readonly state: 'queued'; readonly result?: undefined; readonly error?: undefined };

interface RunFacts {
  /** The attempts, oldest first, with the pause after each. */
  readonly attempts: readonly EndedAttempt[];
  /** Every report of progress that the worker takes, oldest first. Of reports within 250 ms, callers see the first and the last. */
  readonly progress: readonly (Progress & { readonly attempt: number })[];
  readonly log: readonly LogLine[];
  /** Why the job is among the dead letters, for its operator; undefined unless it failed. */
  readonly deadLetter: DeadLetterReason | undefined;
  /** The trace of the job, 32 hex digits. */
  readonly traceId: string;
  /** The time from the first attempt to the end, with all pauses. */
  readonly elapsedMs: number;
}

/**
 * Runs a job of an operation in this process, through the code of the worker: checks of input and result, time limit, signal,
 * progress, retries with their pauses, log lines, trace context. Only the broker is missing.
 * @param input is sent through JSON, as from a caller
 * @returns what became of the job; an operation that fails does not throw
 * @throws ThroughlineError `request-invalid` for an input that JSON cannot hold; TypeError when `operation` is not what
 *   `defineOperation` gives, or when an option is wrong or unknown
 * @example
 * const { state, result, attempts } = await runOperation(greet, { name: 'Ada' });
 */
export async function runOperation<Op extends Operation>(
  operation: Op,
  input: InputOf<Op>,
  options: RunOptions = {},
): Promise<OperationRun<ResultOf<Op>>> {
  if (!isOperation(operation)) throw new TypeError('runOperation takes what defineOperation gives');
  checkOptions('runOperation', RUN_OPTIONS, options);
  keepContext();
  keepProcess();
  const clock = options.time === 'real' ? REAL_TIME : await fakeTime();
  try {
    return (await runJob(operation, sent(input), options, clock)) as OperationRun<ResultOf<Op>>;
  } finally {
    clock.stop();
  }
}

/** As the client does. @throws ThroughlineError `request-invalid` that names what JSON cannot hold */
function sent(input: unknown): unknown {
  const body = JSON.parse(writeRequestBody({ input })) as { readonly input?: unknown };
  return body.input ?? null;
}

async function runJob(
  operation: Operation,
  input: unknown,
  options: RunOptions,
  clock: Clock,
): Promise<OperationRun<unknown>> {
  const beganAt = clock.now();
  const job = testJob(operation, input, options, new Date(beganAt));
  const extraction = extract(fromRecord(options.trace ?? {}));
  const parent = extraction.outcome === 'continued' ? extraction.context : startTrace(extraction.context);
  const attempts: EndedAttempt[] = [];
  const [progress, log]: [(Progress & { attempt: number })[], LogLine[]] = [[], []];
  const stopping = new AbortController();
  const ends = endsOf(options, stopping);
  for (;;) {
    const attempt = new TestAttempt({ operation, job, clock, log, progress, ends, options });
    const ended = await context.with(parent, () => attempt.run(attempts.at(-1)));
    attempts.push(ended);
    if (ended.pauseMs === undefined) {
      const traceId = trace.getSpanContext(parent)?.traceId ?? '';
      const facts = { attempts, progress, log, deadLetter: ended.deadLetter, traceId };
      return { ...stateOf(ended), ...facts, elapsedMs: clock.now() - beganAt };
    }
    await clock.pause(ended.pauseMs);
  }
}

/** What ends the job from outside: the caller, or the worker that stops. */
function endsOf(options: RunOptions, stopping: AbortController): AbortSignal {
  const { cancelAfterMs, stopAfterMs, cancel } = options;
  const end = (code: 'job-cancelled' | 'worker-stopping', message: string): void =>
    stopping.abort(new ThroughlineError(code, message));
  const cancelNow = (): void => end('job-cancelled', 'the job was cancelled by its caller');
  if (cancelAfterMs !== undefined) setTimeout(cancelNow, cancelAfterMs);
  if (stopAfterMs !== undefined)
    setTimeout(() => end('worker-stopping', 'the worker is stopping'), stopAfterMs);
  cancel?.addEventListener('abort', cancelNow, { once: true });
  if (cancel?.aborted) cancelNow();
  return stopping.signal;
}

function stateOf({ event }: EndedAttempt): End<unknown> {
  const { kind, result, error } = event;
  if (kind === 'succeeded') return { state: 'succeeded', result };
  if (kind === 'released') return { state: 'queued' };
  const failure = error ?? { code: 'internal', message: 'the attempt has no end' };
  return { state: kind === 'cancelled' ? 'cancelled' : 'failed', error: failure };
}

/** Sets up OpenTelemetry as the worker does, so that log lines and spans know their job. A test may have set up its own before. */
function keepContext(): void {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new ThroughlinePropagator());
}

const guards = new WeakSet<typeof process.exit>();

/** Lets an attempt fail that calls `process.exit()`, as in the worker. Else the runner would miss the tests that follow, and call it success. */
function keepProcess(): void {
  // A test may have put another function there since the last run.
  if (guards.has(process.exit)) return;
  refuseExit(failActiveJob, (isUncaught) => !isUncaught && activeJob() !== undefined);
  guards.add(process.exit);
}
