import type { JetStreamClient, JsMsg } from '@nats-io/jetstream';
import { describeThrown } from '../../shared/errors.ts';
import type { JobEvent } from '../../shared/event.ts';
import type { JobError } from '../../shared/job.ts';
import { bury } from '../broker/dead-letters.ts';
import type { EventPublisher } from '../broker/event-publisher.ts';
import type { CallbackQueue } from '../callbacks/callback-queue.ts';
import { type Attempt, eventOf } from './attempt.ts';
import { backoff, type RetryPolicy } from './backoff.ts';
import type { AttemptOutcome } from './run-operation.ts';
import type { Settlement } from './settlement.ts';

const UNKNOWN_OPERATION_RETRY: RetryPolicy = { minDelayMs: 1_000, maxDelayMs: 60_000 };

export interface ConcludeParts {
  readonly events: EventPublisher;
  readonly callbacks: CallbackQueue;
  readonly jetStream: JetStreamClient;
  readonly worker: string;
  readonly random: () => number;
}

/** How a job stands after an attempt, in one word for spans, logs and metrics. */
export type Conclusion = 'succeeded' | 'retrying' | 'failed' | 'released' | 'cancelled';

/**
 * Records what an attempt came to, so that it is durable, and says how the message is to be settled.
 * @throws ThroughlineError `broker-unavailable`: nothing is settled then, and the job comes back
 */
export async function conclude(
  parts: ConcludeParts,
  message: JsMsg,
  attempt: Attempt,
  outcome: AttemptOutcome,
): Promise<{ readonly conclusion: Conclusion; readonly settlement: Settlement }> {
  if (outcome.kind === 'done') return await succeed(parts, attempt, outcome.result);
  if (outcome.kind === 'released') return await release(parts, attempt);
  if (outcome.kind === 'cancelled') return await cancel(parts, attempt);
  const attemptsLeft = attempt.number < attempt.maxAttempts;
  if (outcome.kind === 'reject' || !attemptsLeft) return await fail(parts, message, attempt, outcome);
  return await retryLater(parts, attempt, outcome, delayOf(parts, attempt, outcome));
}

type Failure = Extract<AttemptOutcome, { code: string }>;

/** The end first: a callback tells of nothing that is not on record. */
export async function recordEnd(
  { events, callbacks }: Pick<ConcludeParts, 'events' | 'callbacks'>,
  { job }: Attempt,
  end: JobEvent,
): Promise<void> {
  await events.record(job.address.tenant, end);
  await callbacks.send(job, end);
}

async function succeed(parts: ConcludeParts, attempt: Attempt, result: unknown) {
  await recordEnd(parts, attempt, eventOf(attempt, 'succeeded', parts.worker, { result: result ?? null }));
  return { conclusion: 'succeeded', settlement: { kind: 'ack' } } as const;
}

async function retryLater(
  { events, worker }: ConcludeParts,
  attempt: Attempt,
  failure: Failure,
  delayMs: number,
) {
  const error = errorOf(failure);
  await events.record(
    attempt.job.address.tenant,
    eventOf(attempt, 'retrying', worker, { error, retryInMs: delayMs }),
  );
  return { conclusion: 'retrying', settlement: { kind: 'nak', delayMs } } as const;
}

/** The message goes to the dead letters first: a crash in between leaves a copy too many rather than none. */
async function fail(parts: ConcludeParts, message: JsMsg, attempt: Attempt, failure: Failure) {
  const { code } = failure;
  await bury(parts.jetStream, message, attempt.job.address, { code, attempts: attempt.number });
  const error = errorOf(failure);
  await recordEnd(parts, attempt, eventOf(attempt, 'failed', parts.worker, { error }));
  return { conclusion: 'failed', settlement: { kind: 'term', reason: code } } as const;
}

/** The worker stops: the job goes back at once, and the attempt is not spent. */
async function release({ events, worker }: ConcludeParts, attempt: Attempt) {
  const unspent = { released: attempt.released + 1, attempt: attempt.number - 1 };
  await events.record(attempt.job.address.tenant, eventOf(attempt, 'released', worker, unspent));
  return { conclusion: 'released', settlement: { kind: 'nak', delayMs: 0 } } as const;
}

/** Its caller wants it no more: no dead letter, and no other attempt. */
async function cancel(parts: ConcludeParts, attempt: Attempt) {
  const error = { code: 'job-cancelled', message: 'cancelled by its caller' };
  await recordEnd(parts, attempt, eventOf(attempt, 'cancelled', parts.worker, { error }));
  return { conclusion: 'cancelled', settlement: { kind: 'ack' } } as const;
}

/** An event must fit into a message, whatever an author writes. */
function errorOf({ code, message }: Failure): JobError {
  return { code, message: describeThrown(message) };
}

function delayOf(parts: ConcludeParts, attempt: Attempt, failure: Failure): number {
  if (failure.kind === 'retry-after') return failure.delayMs;
  return backoff(attempt.number, attempt.operation?.retry ?? UNKNOWN_OPERATION_RETRY, parts.random());
}
