import type { Context, Span } from '@opentelemetry/api';
import type { ThroughlineError } from '../../shared/errors.ts';
import type { JobEvent } from '../../shared/job/event.ts';
import type { DeadLetterReason } from '../../shared/wire/dead-letter.ts';
import type { JobMessage } from '../../shared/wire/job-message.ts';
import type { Ack, Delivery } from '../broker/consume/delivery.ts';
import type { Slot } from '../broker/consume/slot.ts';
import type { JobRecord } from '../broker/job-record.ts';
import type { Operation } from '../operations/operation.ts';
import type { Attempt } from './attempt/attempt.ts';
import type { AttemptOutcome } from './attempt/attempt-outcome.ts';
import type { EventChain } from './attempt/event-chain.ts';
import type { JobLease } from './attempt/job-lease.ts';
import type { HeldJob } from './cancel-memory.ts';
import type { DecodedMessage } from './decode.ts';
import type { Admission } from './limits/admission.ts';
import type { LimitKind } from './limits/entry.ts';

/** How the work on one delivery ended. */
export type JobOutcome =
  | AttemptOutcome
  /** The job had ended before, or was redriven since: this is its last event. */
  | { readonly kind: 'ended'; readonly event: JobEvent }
  /** This host does not have the operation. Another one may. */
  | { readonly kind: 'missing' }
  /** The job has to wait for a limit of its operation, or until it is resumed, away from this host for `delayMs`. */
  | { readonly kind: 'waits'; readonly by: LimitKind | 'pause'; readonly delayMs: number }
  /** The job has failed, and this attempt did not begin. */
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  /** The message is not a job. */
  | { readonly kind: 'unreadable'; readonly code: string; readonly message: string };

/** The conclusion: how a delivery ended, in one word for spans, logs and metrics. */
type Conclusion =
  | 'succeeded'
  | 'retrying'
  | 'failed'
  | 'released'
  /** Handed back, since this host does not have the operation. */
  | 'operation-missing'
  /** Handed back, since the job has to wait for a limit of its operation, or its operation is paused. */
  | 'waiting'
  | 'cancelled'
  /** The job had ended before. */
  | 'duplicate'
  /** Another delivery has the job. */
  | 'superseded'
  | 'unreadable'
  /** It comes from a schedule that repeats, and nobody has accepted it. */
  | 'schedule-repeats'
  /** The worker itself failed. The job is delivered again. */
  | 'unsettled';

/** A delivery that the pipeline has taken. */
export interface Opened {
  readonly delivery: Delivery;
  readonly message: DecodedMessage;
  readonly slot: Slot;
  readonly span: Span;
  /** The context of the span that sent the job; undefined if the attempt has a trace of its own. */
  readonly sentIn: Context | undefined;
  readonly lease: JobLease;
}

/** After `decode`: a delivery and the job in it. */
export interface Decoded extends Opened {
  /** For an unreadable message: what its subject and headers say. */
  readonly job: JobMessage;
  readonly held: HeldJob;
  /** Why the message is unreadable. */
  readonly fault: ThroughlineError | undefined;
}

/** After `recall`: what is recorded about the job, and the attempt that follows from it. */
export interface Recalled extends Decoded {
  readonly record: JobRecord;
  readonly attempt: Attempt;
  readonly chain: EventChain;
}

/** After `check`: the attempt may start. */
export interface Checked extends Recalled {
  readonly operation: Operation;
  /** What the attempt has to get first; undefined if its operation has no limit by key. */
  readonly admission: Admission | undefined;
}

/** After `claim`: the attempt has started. */
export interface Claimed extends Checked {
  /** The sequence of its `started` event; 0 if it has none. */
  readonly fence: number;
}

/** After `check`, `claim` or `run`: the outcome is known. */
export interface Decided extends Recalled {
  readonly outcome: JobOutcome;
  /** How long the operation ran, in milliseconds; undefined if it did not. */
  readonly ranMs?: number;
}

/** After `classify`: what to record, and how to answer the broker. */
export interface Classified extends Decided {
  readonly ending: Ending;
}

/** The ending of a delivery: what to record about it, and how to answer the broker. */
export interface Ending {
  readonly conclusion: Conclusion;
  readonly ack: Ack;
  /** The code of the error with which the delivery failed. Spans and metrics have it as `error.type`. */
  readonly errorCode?: string;
  /** The event to record, if there is one. */
  readonly event?: JobEvent;
  /** Set if the message goes to the dead letters before the event is recorded. */
  readonly deadLetter?: DeadLetterReason;
}
