import { context, SpanKind, trace } from '@opentelemetry/api';
import type { ThroughlineError } from '../shared/errors.ts';
import type { Progress } from '../shared/job/attempt-report.ts';
import type { JobEvent } from '../shared/job/event.ts';
import { LIMITS } from '../shared/job/limits.ts';
import type { DeadLetterReason } from '../shared/wire/dead-letter.ts';
import type { JobMessage } from '../shared/wire/job-message.ts';
import { type Attempt, attemptOf } from '../worker-node/jobs/attempt/attempt.ts';
import { AttemptAbort } from '../worker-node/jobs/attempt/attempt-abort.ts';
import type { AttemptOutcome } from '../worker-node/jobs/attempt/attempt-outcome.ts';
import { JobLease } from '../worker-node/jobs/attempt/job-lease.ts';
import { runOperation } from '../worker-node/jobs/attempt/run-operation.ts';
import { classify, reportIn } from '../worker-node/jobs/classify.ts';
import type { Operation } from '../worker-node/operations/operation.ts';
import type { Clock } from './clock.ts';
import { keptLog, type LogLine } from './log.ts';

const WORKER = 'test-worker';
const tracer = trace.getTracer('throughline-worker');

/** An attempt that has ended. */
export interface EndedAttempt {
  /** 1 for the first attempt. */
  readonly number: number;
  readonly outcome: 'succeeded' | 'retrying' | 'failed' | 'cancelled' | 'released';
  /** What the caller of the job sees. */
  readonly error?: { readonly code: string; readonly message: string };
  /** What the operator of the job sees: the error that was thrown, with its stack and its causes. */
  readonly thrown?: string;
  /** How long it ran. */
  readonly ranMs: number;
  /** The pause until the next attempt; undefined after the last one. */
  readonly pauseMs?: number;
  /** The event that the worker records at its end. */
  readonly event: JobEvent;
  readonly deadLetter?: DeadLetterReason;
}

interface Parts {
  readonly operation: Operation;
  readonly job: JobMessage;
  readonly clock: Clock;
  readonly log: LogLine[];
  readonly progress: (Progress & { attempt: number })[];
  /** Ends the job from outside. */
  readonly ends: AbortSignal;
  readonly options: { readonly jitter?: number };
}

/** One attempt of a job in a test, through the worker's own steps: run → classify. */
export class TestAttempt {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** @param before the attempt before it */
  async run(before: EndedAttempt | undefined): Promise<EndedAttempt> {
    const { operation, job, clock } = this.#parts;
    const now = new Date(clock.now());
    const attempt = attemptOf({ storedAt: now }, job, operation, before?.event, now);
    const span = tracer.startSpan(`process ${operation.name}`, { kind: SpanKind.CONSUMER });
    const parent = trace.setSpan(context.active(), span);
    const beganAt = clock.now();
    try {
      return await context.with(parent, async () => {
        const outcome = await clock.during(this.#outcomeOf(attempt));
        return this.#ended(attempt, outcome, clock.now() - beganAt);
      });
    } finally {
      span.end();
    }
  }

  async #outcomeOf(attempt: Attempt): Promise<AttemptOutcome> {
    const { operation, log, progress, ends } = this.#parts;
    const abort = new AttemptAbort();
    const end = (): void => abort.abort(ends.reason as ThroughlineError);
    ends.addEventListener('abort', end, { once: true });
    if (ends.aborted) end();
    const report = (value: Progress): void => void progress.push({ ...value, attempt: attempt.number });
    // Nobody else can have the job.
    const lease = new JobLease(Number.POSITIVE_INFINITY, () => undefined);
    try {
      return await runOperation(operation, attempt, {
        abort,
        lease,
        fence: attempt.number,
        log: keptLog(log),
        look: async () => undefined,
        progress: { report, stop: () => undefined },
        roomForResult: () => LIMITS.resultBytes,
      });
    } finally {
      lease.stop();
      ends.removeEventListener('abort', end);
    }
  }

  #ended(attempt: Attempt, ran: AttemptOutcome, ranMs: number): EndedAttempt {
    const { job, options } = this.#parts;
    const parts = { worker: WORKER, random: () => options.jitter ?? 0.5, missing: { pauseMs: () => 0 } };
    const judged = {
      job,
      attempt,
      outcome: ran,
      held: { notice: undefined },
      delivery: { deliveryCount: attempt.number },
    };
    const { outcome, ending } = classify(parts, judged);
    const { event, deadLetter, ack } = ending;
    if (event === undefined) throw new Error(`the attempt has no event: ${ending.conclusion}`);
    const thrown = reportIn(outcome)?.text;
    return {
      number: attempt.number,
      outcome: event.kind as EndedAttempt['outcome'],
      ranMs,
      event,
      ...(event.error === undefined ? {} : { error: event.error }),
      ...(thrown === undefined ? {} : { thrown }),
      ...(event.kind === 'retrying' && ack.kind === 'nak' ? { pauseMs: ack.delayMs } : {}),
      ...(deadLetter === undefined ? {} : { deadLetter }),
    };
  }
}
