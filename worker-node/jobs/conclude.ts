import type { JsMsg } from '@nats-io/jetstream';
import { backoff, type RetryPolicy } from '../../shared/backoff.ts';
import { describeThrown } from '../../shared/errors.ts';
import type { JobEvent } from '../../shared/job/event.ts';
import type { JobError } from '../../shared/job/job.ts';
import { bury } from '../broker/dead-letters.ts';
import type { Settlement } from '../broker/settlement.ts';
import type { StoredPublisher } from '../broker/stored-publisher.ts';
import type { CallbackQueue } from '../callbacks/callback-queue.ts';
import { type Attempt, eventOf } from './attempt.ts';
import type { JobHistory, Standing } from './job-history.ts';
import type { AttemptOutcome } from './run-operation.ts';

/** Whoever ended the job may not have come to its callback: the message comes back for it. */
const CALLBACK_CHECK_MS = 1_000;
const UNKNOWN_OPERATION_RETRY: RetryPolicy = { minDelayMs: 1_000, maxDelayMs: 60_000 };

export interface ConcludeParts {
  readonly publisher: StoredPublisher;
  readonly callbacks: CallbackQueue;
  readonly worker: string;
  readonly random: () => number;
}

/** How a job stands after an attempt, in one word for spans, logs and metrics. */
export type Conclusion =
  | 'succeeded'
  | 'retrying'
  | 'failed'
  | 'released'
  | 'cancelled'
  /** It had ended before. */
  | 'duplicate'
  /** Another delivery of it goes on. */
  | 'superseded';

export interface Concluded {
  readonly conclusion: Conclusion;
  readonly settlement: Settlement;
}

/**
 * Records what an attempt came to, so that it is durable, and says how the message is to be settled.
 * @throws ThroughlineError `broker-unavailable`: nothing is settled then, and the job comes back
 */
export async function conclude(
  parts: ConcludeParts,
  message: JsMsg,
  attempt: Attempt,
  outcome: AttemptOutcome,
  history: JobHistory,
): Promise<Concluded> {
  if (outcome.kind === 'superseded') return giveWay(attempt, await history.standing());
  if (outcome.kind === 'done') return await succeed(parts, attempt, outcome.result, history);
  if (outcome.kind === 'released') return await release(parts, attempt, history);
  if (outcome.kind === 'cancelled') return await cancel(parts, attempt, history);
  const attemptsLeft = attempt.number < attempt.maxAttempts;
  if (outcome.kind === 'reject' || !attemptsLeft)
    return await fail(parts, message, attempt, outcome, history);
  return await retryLater(parts, attempt, outcome, history);
}

type Failure = Extract<AttemptOutcome, { code: string }>;

/** Settles as `recorded` says, unless the event was not taken: then the job is another's, or over. */
function settled(attempt: Attempt, standing: Standing, recorded: Concluded): Concluded {
  return standing === 'ours' ? recorded : giveWay(attempt, standing);
}

/** The end first: a callback tells of nothing that is not on record. */
export async function recordEnd(
  { callbacks }: Pick<ConcludeParts, 'callbacks'>,
  { job }: Attempt,
  end: JobEvent,
  history: JobHistory,
): Promise<Standing> {
  const standing = await history.record(end);
  if (standing === 'ours') await callbacks.send(job, end);
  return standing;
}

/** What is over is taken off the queue. Of what another delivery runs the broker is told nothing: it would send it again. */
function giveWay({ job }: Attempt, standing: Standing): Concluded {
  if (standing !== 'over') return { conclusion: 'superseded', settlement: { kind: 'none' } };
  const settlement =
    job.callback === undefined
      ? ({ kind: 'ack' } as const)
      : ({ kind: 'nak', delayMs: CALLBACK_CHECK_MS } as const);
  return { conclusion: 'duplicate', settlement };
}

async function succeed(parts: ConcludeParts, attempt: Attempt, result: unknown, history: JobHistory) {
  const end = eventOf(attempt, 'succeeded', parts.worker, { result: result ?? null });
  return settled(attempt, await recordEnd(parts, attempt, end, history), {
    conclusion: 'succeeded',
    settlement: { kind: 'ack' },
  });
}

async function retryLater(parts: ConcludeParts, attempt: Attempt, failure: Failure, history: JobHistory) {
  const retryInMs = delayOf(parts, attempt, failure);
  const event = eventOf(attempt, 'retrying', parts.worker, { error: errorOf(failure), retryInMs });
  const settlement = { kind: 'nak', delayMs: retryInMs } as const;
  return settled(attempt, await history.record(event), { conclusion: 'retrying', settlement });
}

/** The message goes to the dead letters first: a crash in between leaves a copy too many rather than none. */
async function fail(
  parts: ConcludeParts,
  message: JsMsg,
  attempt: Attempt,
  failure: Failure,
  history: JobHistory,
): Promise<Concluded> {
  const { code } = failure;
  // A job that ended elsewhere meanwhile is not dead.
  if ((await history.standing()) === 'over') return giveWay(attempt, 'over');
  await bury(parts.publisher, message, attempt.job.address, { code, attempts: attempt.number });
  const end = eventOf(attempt, 'failed', parts.worker, { error: errorOf(failure) });
  const settlement = { kind: 'term', reason: code } as const;
  return settled(attempt, await recordEnd(parts, attempt, end, history), {
    conclusion: 'failed',
    settlement,
  });
}

/** The worker stops: the job goes back at once, and the attempt is not spent. */
async function release({ worker }: ConcludeParts, attempt: Attempt, history: JobHistory) {
  const unspent = { released: attempt.released + 1, attempt: attempt.number - 1 };
  const event = eventOf(attempt, 'released', worker, unspent);
  const settlement = { kind: 'nak', delayMs: 0 } as const;
  return settled(attempt, await history.record(event), { conclusion: 'released', settlement });
}

/** Its caller wants it no more: no dead letter, and no other attempt. */
async function cancel(parts: ConcludeParts, attempt: Attempt, history: JobHistory) {
  const error = { code: 'job-cancelled', message: 'cancelled by its caller' };
  const end = eventOf(attempt, 'cancelled', parts.worker, { error });
  const settlement = { kind: 'ack' } as const;
  return settled(attempt, await recordEnd(parts, attempt, end, history), {
    conclusion: 'cancelled',
    settlement,
  });
}

/** An event must fit into a message, whatever an author writes. */
function errorOf({ code, message }: Failure): JobError {
  return { code, message: describeThrown(message) };
}

function delayOf(parts: ConcludeParts, attempt: Attempt, failure: Failure): number {
  if (failure.kind === 'retry-after') return failure.delayMs;
  return backoff(attempt.number, attempt.operation?.retry ?? UNKNOWN_OPERATION_RETRY, parts.random());
}
