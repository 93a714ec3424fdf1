import { trace } from '@opentelemetry/api';
import { type EventFacts, type EventKind, type JobEvent, makeEvent } from '../../../shared/job/event.ts';
import type { JobMessage } from '../../../shared/wire/job-message.ts';
import type { Delivery } from '../../broker/consume/delivery.ts';
import { DEFAULT_MAX_ATTEMPTS } from '../../operations/definition.ts';
import type { JobInfo, Operation } from '../../operations/operation.ts';
import { withCarriedContext } from '../../telemetry/carried-context.ts';

/** One execution of a job by this worker. */
export interface Attempt {
  readonly job: JobMessage;
  /** Undefined if this worker does not have the operation. */
  readonly operation: Operation | undefined;
  /** 1 for the first attempt. */
  readonly number: number;
  readonly maxAttempts: number;
  /** How often a worker handed the job back before, without spending an attempt. */
  readonly released: number;
  readonly acceptedAt: string;
  readonly startedAt: string;
  /** The time since the job was queued, or since its last event. */
  readonly queueTimeMs: number;
  /** The job's last event before this attempt. */
  readonly previous: JobEvent | undefined;
}

/**
 * The attempt that a delivery starts. The number of the attempt is one more than that of the job's last event. So only
 * recorded starts are counted, and a job that kills its worker spends its attempts too. The broker's delivery count
 * would be too high: it includes deliveries that no worker read, because the process was paused, gone, or had the
 * message already.
 * @param previous the job's last event, if it has one
 */
export function attemptOf(
  delivery: Pick<Delivery, 'storedAt'>,
  job: JobMessage,
  operation: Operation | undefined,
  previous: JobEvent | undefined,
  now: Date,
): Attempt {
  const waitingSince = previous === undefined ? delivery.storedAt.getTime() : Date.parse(previous.at);
  return {
    job,
    operation,
    number: (previous?.attempt ?? 0) + 1,
    maxAttempts: maxAttemptsOf(job, operation),
    released: previous?.released ?? 0,
    acceptedAt: job.acceptedAt ?? delivery.storedAt.toISOString(),
    startedAt: now.toISOString(),
    queueTimeMs: Math.max(0, now.getTime() - waitingSince),
    previous,
  };
}

/** A job may ask for fewer attempts than its operation allows, but not for more. Only the edge checks that before. */
function maxAttemptsOf(job: JobMessage, operation: Operation | undefined): number {
  if (operation === undefined) return job.spec.maxAttempts ?? DEFAULT_MAX_ATTEMPTS;
  return Math.min(job.spec.maxAttempts ?? operation.maxAttempts, operation.maxAttempts);
}

/**
 * The part of an attempt that the operation's code gets. Call it in the context of that code.
 * @param fence the sequence of its `started` event
 */
export function jobInfo(attempt: Attempt, fence: number): JobInfo {
  const { tenant, jobId, operation } = attempt.job.address;
  return withCarriedContext({
    id: jobId,
    tenant,
    operation,
    attempt: attempt.number,
    maxAttempts: attempt.maxAttempts,
    fence,
    redriveCount: attempt.job.redrive?.redriveCount ?? 0,
    acceptedAt: attempt.acceptedAt,
  });
}

/** An event of this attempt, in the trace of the active span. */
export function eventOf(
  attempt: Attempt,
  kind: EventKind,
  worker: string,
  more: Partial<EventFacts> = {},
): JobEvent {
  const { traceId = '', spanId = '' } = trace.getActiveSpan()?.spanContext() ?? {};
  const { number, maxAttempts, released, acceptedAt, startedAt, job } = attempt;
  const { jobId, operation } = job.address;
  const accepted = { jobId, operation, acceptedAt, spec: { ...job.spec, maxAttempts }, redrive: job.redrive };
  return makeEvent(kind, accepted, {
    attempt: number,
    released,
    startedAt,
    worker,
    traceId,
    spanId,
    ...more,
  });
}
