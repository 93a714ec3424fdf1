import { backoff, backoffCeiling, equalJitter, type PauseLimits } from '../../shared/backoff.ts';
import { describeThrown } from '../../shared/errors.ts';
import { CANCELLED_ERROR, type JobFailure } from '../../shared/job/attempt-report.ts';
import type { EventKind } from '../../shared/job/event.ts';
import type { JobMessage } from '../../shared/wire/job-message.ts';
import type { RetryPolicy } from '../operations/definition.ts';
import type { ThrownReport } from '../operations/thrown.ts';
import { eventOf } from './attempt/attempt.ts';
import type { Ownership } from './attempt/event-chain.ts';
import { MISSING_OPERATION, type MissingPauses } from './missing-pauses.ts';
import type { Classified, Decided, Ending, JobOutcome } from './pipeline-steps.ts';

/**
 * The delivery that ended the job may not have stored the callback task. So this message is delivered again after this
 * pause.
 */
const CALLBACK_CHECK_MS = 1_000;
/** The pauses of a job that only another version of its operation may take. */
const OTHER_VERSION: PauseLimits = { firstMs: 10, maxMs: 30_000 };
const CANCELLED = { kind: 'cancelled' } as const;

export interface ClassifyParts {
  readonly worker: string;
  /** A number from 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  /** How long a job stays away if this host does not have its operation. */
  readonly missing: Pick<MissingPauses, 'pauseMs'>;
}

/** What the ending of a delivery follows from. */
type Judged = Pick<Decided, 'job' | 'attempt' | 'outcome'> & {
  readonly delivery: Pick<Decided['delivery'], 'deliveryCount'>;
  readonly held: Pick<Decided['held'], 'notice'>;
};

/** Decides what to record about an outcome, and how to answer the broker. Writes nothing. */
export function classify<D extends Judged>(
  parts: ClassifyParts,
  decided: D,
): D & Pick<Classified, 'outcome' | 'ending'> {
  const { outcome: ran, held } = decided;
  // A cancelled job must not go on. The notice may have come after the attempt had ended.
  const outcome = held.notice !== undefined && isUnfinished(ran) ? CANCELLED : ran;
  const classified = { ...decided, outcome };
  return { ...classified, ending: endingOf(parts, classified) };
}

/** Whether the job would go on after this outcome. */
function isUnfinished({ kind }: JobOutcome): boolean {
  return (
    kind === 'retry' ||
    kind === 'retry-after' ||
    kind === 'released' ||
    kind === 'missing' ||
    kind === 'waits'
  );
}

function endingOf(parts: ClassifyParts, decided: Judged): Ending {
  const { outcome, attempt } = decided;
  const { worker } = parts;
  switch (outcome.kind) {
    case 'done': {
      const event = eventOf(attempt, 'succeeded', worker, { result: outcome.result ?? null });
      return { conclusion: 'succeeded', event, ack: { kind: 'ack' } };
    }
    case 'cancelled': {
      return {
        conclusion: 'cancelled',
        event: eventOf(attempt, 'cancelled', worker, { error: CANCELLED_ERROR }),
        ack: { kind: 'ack' },
      };
    }
    case 'released': {
      const unspent = { released: attempt.released + 1, attempt: attempt.number - 1 };
      const event = eventOf(attempt, 'released', worker, unspent);
      const delayMs = outcome.isForOther === true ? pauseForOther(parts, decided) : 0;
      return { conclusion: 'released', event, ack: { kind: 'nak', delayMs } };
    }
    case 'missing':
      return { conclusion: 'operation-missing', ack: { kind: 'nak', delayMs: missingPause(parts, decided) } };
    case 'waits':
      return endingOfWait(parts, decided, outcome.delayMs);
    case 'superseded':
      return { conclusion: 'superseded', ack: { kind: 'none' } };
    case 'ended':
      return { conclusion: 'duplicate', ack: { kind: 'ack' } };
    default:
      return endingOfFailure(parts, decided, outcome);
  }
}

/** The last events after which a job is known to have no worker, so that the edge may cancel it. */
const WITHOUT_WORKER: readonly EventKind[] = ['retrying', 'released', 'redriven'];

/**
 * The job goes back to the queue, and its attempt does not count. The event says that no worker has it. One event is enough,
 * however often the job comes and goes.
 */
function endingOfWait({ worker }: ClassifyParts, { attempt }: Judged, delayMs: number): Ending {
  const ending = { conclusion: 'waiting', ack: { kind: 'nak', delayMs } } as const;
  if (attempt.previous !== undefined && WITHOUT_WORKER.includes(attempt.previous.kind)) return ending;
  const unspent = { released: attempt.released + 1, attempt: attempt.number - 1, startedAt: undefined };
  return { ...ending, event: eventOf(attempt, 'released', worker, unspent) };
}

type Failure = Extract<JobOutcome, { code: string }>;

function endingOfFailure(parts: ClassifyParts, { attempt, delivery }: Judged, failure: Failure): Ending {
  const { code, kind } = failure;
  const error = errorOf(failure);
  const mayTryAgain = kind === 'retry' || kind === 'retry-after';
  const isLast = !mayTryAgain || attempt.number >= attempt.maxAttempts;
  if (!isLast) {
    const retryInMs = pauseOf(parts, attempt, failure);
    const event = eventOf(attempt, 'retrying', parts.worker, { error, retryInMs });
    return { conclusion: 'retrying', errorCode: code, event, ack: { kind: 'nak', delayMs: retryInMs } };
  }
  const isUnreadable = kind === 'unreadable';
  const attempts = kind === 'refused' ? attempt.number - 1 : attempt.number;
  const report = reportIn(failure);
  const { summary = error.message, text } = (report?.isPrivate === true ? undefined : report) ?? {};
  return {
    conclusion: isUnreadable ? 'unreadable' : 'failed',
    errorCode: code,
    event: eventOf(attempt, 'failed', parts.worker, { error, attempt: attempts }),
    deadLetter: {
      code,
      attempts: isUnreadable ? delivery.deliveryCount : attempts,
      message: summary,
      detail: text,
    },
    ack: { kind: 'term', reason: code },
  };
}

function pauseOf(parts: ClassifyParts, { number, operation }: Decided['attempt'], failure: Failure): number {
  if (failure.kind === 'retry-after') return failure.delayMs;
  return backoff(number, operation ? pauseLimits(operation.retry) : MISSING_OPERATION, parts.random());
}

/** The pauses of an operation, whose authors know them under other names. */
function pauseLimits({ minDelayMs, maxDelayMs }: RetryPolicy): PauseLimits {
  return { firstMs: minDelayMs, maxMs: maxDelayMs };
}

function missingPause({ missing }: ClassifyParts, { delivery, job }: Judged): number {
  return missing.pauseMs(job.address.operation, delivery.deliveryCount);
}

/** At first as short as that of a missing operation. Each round stores two events, so a job that goes round for long comes rarely. */
function pauseForOther(parts: ClassifyParts, decided: Judged): number {
  const longestMs = backoffCeiling(decided.delivery.deliveryCount, OTHER_VERSION);
  return Math.max(missingPause(parts, decided), Math.ceil(equalJitter(longestMs, parts.random())));
}

/** What was thrown in the attempt, if anything was. */
export function reportIn(outcome: JobOutcome): ThrownReport | undefined {
  return 'report' in outcome ? outcome.report : undefined;
}

/** An event must fit into a message, so a long text is cut. */
function errorOf({ code, message }: Failure): JobFailure {
  return { code, message: describeThrown(message) };
}

/**
 * The ending of a delivery whose event was not recorded, since the job is not ours. The message of an ended job leaves
 * the queue. If another delivery has the job, the broker gets no answer: a nak would make it deliver the job again.
 */
export function endingOfOther({ spec }: JobMessage, ownership: Ownership): Ending {
  if (ownership !== 'ended') return { conclusion: 'superseded', ack: { kind: 'none' } };
  if (spec.callback === undefined) return { conclusion: 'duplicate', ack: { kind: 'ack' } };
  return { conclusion: 'duplicate', ack: { kind: 'nak', delayMs: CALLBACK_CHECK_MS } };
}
