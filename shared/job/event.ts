import * as z from 'zod';
import { defined } from '../defined.ts';
import { type AcceptedJob, jobLinks } from './accepted-job.ts';
import { type Job, JobError, type JobState, Progress } from './job.ts';
import { EventSpec, eventSpec, shownSpec } from './job-spec.ts';
import { Redrive } from './redrive.ts';

/** Kinds of event, and the state a job is in once the event is its last one. */
export const EVENT_STATES = {
  started: 'running',
  progress: 'running',
  retrying: 'retrying',
  /** Handed back by a worker that was stopping; the attempt is not spent. */
  released: 'queued',
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
  /** The dead letter was sent to the queue again: what happened before does not count any more. */
  redriven: 'queued',
} as const satisfies Record<string, JobState>;

export type EventKind = keyof typeof EVENT_STATES;
const KINDS = Object.keys(EVENT_STATES) as [EventKind, ...EventKind[]];

/** Whether `value` is the name of a kind of event. */
export function isEventKind(value: string): value is EventKind {
  return KINDS.some((kind) => kind === value);
}

/**
 * The data of an event: a full snapshot, so that the last event of a job is its state and nobody has to replay the
 * ones before.
 */
export const JobEvent = z.object({
  kind: z.enum(KINDS),
  jobId: z.string(),
  operation: z.string(),
  attempt: z.int().min(0),
  ...EventSpec.shape,
  /** A worker in another language may allow more attempts than ours. */
  maxAttempts: z.int().min(1),
  /** How often the job was handed back so far without an attempt being spent. */
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
  error: JobError.optional(),
  /** With `retrying`: milliseconds until the next attempt. */
  retryInMs: z.number().optional(),
  /** Absent before the first redrive. */
  ...Redrive.partial().shape,
});
export type JobEvent = z.infer<typeof JobEvent>;

/** Whether nothing happens to the job after this event. */
export function isTerminalEvent({ kind }: Pick<JobEvent, 'kind'>): boolean {
  return kind === 'succeeded' || kind === 'failed' || kind === 'cancelled';
}

/** What an event says beyond its job: what happened, when, where, and in which attempt. */
export interface EventFacts {
  readonly attempt: number;
  /** Who writes the event: a worker, a bridge, or empty for a redrive. */
  readonly worker: string;
  /** The trace and the span that the event belongs to; empty where there is none. */
  readonly traceId: string;
  readonly spanId: string;
  /** 0 where it is not given. */
  readonly released?: number | undefined;
  readonly startedAt?: string | undefined;
  /** RFC 3339; now where it is not given. */
  readonly at?: string | undefined;
  readonly progress?: Progress | undefined;
  readonly result?: unknown;
  readonly error?: JobError | undefined;
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
    ...eventSpec(spec),
    released,
    acceptedAt,
    startedAt,
    at,
    ...rest,
    ...redrive,
  });
}

/** The job that an event belongs to, as far as the event repeats what the job was asked to be. */
export function jobBehind(event: JobEvent): AcceptedJob {
  const { jobId, operation, acceptedAt, redriveCount, previousTraceIds = [] } = event;
  const redrive = redriveCount === undefined ? undefined : { redriveCount, previousTraceIds };
  return { jobId, operation, acceptedAt, spec: eventSpec(event), redrive };
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
    ...shownSpec(event),
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
