import * as z from 'zod';
import { defined } from '../defined.ts';
import { type AcceptedJob, jobLinks } from './accepted-job.ts';
import { JobFailure, Progress } from './attempt-report.ts';
import type { Job } from './job.ts';
import { EventSpec, pickEventSpec, pickShownSpec } from './job-spec.ts';
import { EVENT_KINDS, EVENT_STATES, type EventKind, isTerminalEvent } from './job-state.ts';
import { Redrive } from './redrive.ts';

export { EVENT_STATES, type EventKind, isEventKind, isTerminalEvent } from './job-state.ts';

/**
 * The body of an event: a full snapshot of the job, so the last event alone gives the job's state.
 */
export const JobEvent = z.object({
  kind: z.enum(EVENT_KINDS),
  jobId: z.string(),
  operation: z.string(),
  attempt: z.int().min(0),
  ...EventSpec.shape,
  /** A worker in another language may allow more attempts than ours does. */
  maxAttempts: z.int().min(1),
  /** How often a stopping worker handed the job back so far. That spends no attempt. */
  released: z.int().min(0),
  acceptedAt: z.iso.datetime(),
  startedAt: z.iso.datetime().optional(),
  at: z.iso.datetime(),
  worker: z.string(),
  traceId: z.string(),
  /** The span of the attempt, so that the next attempt can link to it. */
  spanId: z.string(),
  progress: Progress.optional(),
  result: z.unknown().optional(),
  error: JobFailure.optional(),
  /** With `retrying`: milliseconds until the next attempt. */
  retryInMs: z.number().optional(),
  /** Absent before the first redrive. */
  ...Redrive.partial().shape,
});
export type JobEvent = z.infer<typeof JobEvent>;

/** What an event says besides what its job says: the attempt, its times, its trace, and what happened. */
export interface EventFacts {
  readonly attempt: number;
  /** The name of the worker or bridge that writes the event; empty for a redrive. */
  readonly worker: string;
  /** The trace and the span that the event belongs to; empty if there is none. */
  readonly traceId: string;
  readonly spanId: string;
  /** 0 if not given. */
  readonly released?: number | undefined;
  readonly startedAt?: string | undefined;
  /** When the event happened, RFC 3339; now if not given. */
  readonly at?: string | undefined;
  readonly progress?: Progress | undefined;
  readonly result?: unknown;
  readonly error?: JobFailure | undefined;
  readonly retryInMs?: number | undefined;
}

/** Makes an event of a job. Every event is made here. */
export function makeEvent(kind: EventKind, job: AcceptedJob, facts: EventFacts): JobEvent {
  const { jobId, operation, acceptedAt, spec, redrive } = job;
  const { attempt, released = 0, startedAt, at = new Date().toISOString(), ...rest } = facts;
  return defined({
    kind,
    jobId,
    operation,
    attempt,
    ...pickEventSpec(spec),
    released,
    acceptedAt,
    startedAt,
    at,
    ...rest,
    ...redrive,
  });
}

/** The job of an event. The spec has only those fields that events repeat. */
export function acceptedJobOfEvent(event: JobEvent): AcceptedJob {
  const { jobId, operation, acceptedAt, redriveCount, previousTraceIds = [] } = event;
  const redrive = redriveCount === undefined ? undefined : { redriveCount, previousTraceIds };
  return { jobId, operation, acceptedAt, spec: pickEventSpec(event), redrive };
}

/** The job as it stands after this event, if the event is its last one. */
export function jobOfEvent(event: JobEvent): Job {
  const { kind, operation, attempt, acceptedAt, startedAt, at, progress, error, traceId } = event;
  return defined({
    id: event.jobId,
    operation,
    state: EVENT_STATES[kind],
    attempt,
    durability: 'stream' as const,
    acceptedAt,
    ...pickShownSpec(event),
    startedAt,
    finishedAt: isTerminalEvent(event) ? at : undefined,
    progress,
    result: event.result,
    error,
    traceId,
    previousTraceIds: event.previousTraceIds,
    links: jobLinks(event.jobId),
  });
}
