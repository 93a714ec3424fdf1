import type { JsMsg } from '@nats-io/jetstream';
import { trace } from '@opentelemetry/api';
import type { EventKind, JobEvent } from '../../shared/job/event.ts';
import type { JobMessage } from '../../shared/wire/job-message.ts';
import type { JobInfo, Operation } from '../operations/operation.ts';

const DEFAULT_MAX_ATTEMPTS = 5;

/** One execution of a job by this worker: the record that goes through the pipeline. */
export interface Attempt {
  readonly job: JobMessage;
  /** Undefined: this worker does not have it. */
  readonly operation: Operation | undefined;
  /** 1 for the first. */
  readonly number: number;
  readonly maxAttempts: number;
  /** How often the job was handed back unspent before. */
  readonly released: number;
  readonly acceptedAt: string;
  readonly startedAt: string;
  /** How long the job waited since it was queued, or since its last attempt. */
  readonly queueTimeMs: number;
  /** The last thing that happened to the job before. */
  readonly previous: JobEvent | undefined;
}

/**
 * The attempt that a delivery starts: one more than the job's last event tells of. Nothing runs before its start is on
 * record, so a job that kills its worker spends its attempts too. The broker's delivery count would also count deliveries
 * that no worker came to read: those to a process that was paused, or gone, or had the message already.
 */
export function attemptOf(
  message: JsMsg,
  job: JobMessage,
  operation: Operation | undefined,
  previous: JobEvent | undefined,
  now: Date,
): Attempt {
  const released = previous?.released ?? 0;
  const waitingSince = previous === undefined ? message.time.getTime() : Date.parse(previous.at);
  return {
    job,
    operation,
    number: (previous?.attempt ?? 0) + 1,
    maxAttempts: maxAttemptsOf(job, operation),
    released,
    acceptedAt: job.acceptedAt ?? message.time.toISOString(),
    startedAt: now.toISOString(),
    queueTimeMs: Math.max(0, now.getTime() - waitingSince),
    previous,
  };
}

/** A job may ask for less than its operation allows, never for more; whoever sent it may not have gone by the edge. */
function maxAttemptsOf(job: JobMessage, operation: Operation | undefined): number {
  if (operation === undefined) return job.maxAttempts ?? DEFAULT_MAX_ATTEMPTS;
  return Math.min(job.maxAttempts ?? operation.maxAttempts, operation.maxAttempts);
}

/** What the author's code is told of the job. */
export function jobInfo(attempt: Attempt): JobInfo {
  const { tenant, jobId, operation } = attempt.job.address;
  return {
    id: jobId,
    tenant,
    operation,
    attempt: attempt.number,
    maxAttempts: attempt.maxAttempts,
    acceptedAt: attempt.acceptedAt,
  };
}

/** An event of this attempt, in the trace of the active span. */
export function eventOf(
  attempt: Attempt,
  kind: EventKind,
  worker: string,
  more: Partial<Pick<JobEvent, 'result' | 'error' | 'progress' | 'retryInMs' | 'released' | 'attempt'>> = {},
): JobEvent {
  const span = trace.getActiveSpan()?.spanContext();
  return {
    kind,
    jobId: attempt.job.address.jobId,
    operation: attempt.job.address.operation,
    attempt: attempt.number,
    maxAttempts: attempt.maxAttempts,
    released: attempt.released,
    acceptedAt: attempt.acceptedAt,
    startedAt: attempt.startedAt,
    at: new Date().toISOString(),
    worker,
    traceId: span?.traceId ?? '',
    spanId: span?.spanId ?? '',
    ...(attempt.job.fingerprint === undefined ? {} : { fingerprint: attempt.job.fingerprint }),
    ...redriveOf(attempt.job),
    ...more,
  };
}

function redriveOf({ redrive }: JobMessage): Partial<JobEvent> {
  return redrive === undefined
    ? {}
    : { redriveCount: redrive.redriveCount, previousTraceIds: [...redrive.previousTraceIds] };
}
