import * as z from 'zod';
import { type Job, JobError, type JobState, Progress } from './job.ts';

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
  maxAttempts: z.int().min(1),
  /** How often the job was handed back unspent so far. */
  released: z.int().min(0),
  acceptedAt: z.iso.datetime(),
  startedAt: z.iso.datetime().optional(),
  at: z.iso.datetime(),
  worker: z.string(),
  traceId: z.string(),
  /** Digest of the request, of a job that was submitted with an idempotency key. */
  fingerprint: z.string().optional(),
  /** The span of the attempt, so that the next attempt can link to it. */
  spanId: z.string(),
  progress: Progress.optional(),
  result: z.unknown().optional(),
  error: JobError.optional(),
  /** With `retrying`: milliseconds until the next attempt. */
  retryInMs: z.number().optional(),
  /** How often the job was redriven; absent before the first redrive. */
  redriveCount: z.int().min(1).optional(),
  /** The traces before each redrive, oldest first. */
  previousTraceIds: z.array(z.string()).optional(),
});
export type JobEvent = z.infer<typeof JobEvent>;

/** Whether nothing happens to the job after this event. */
export function isTerminalEvent({ kind }: Pick<JobEvent, 'kind'>): boolean {
  return kind === 'succeeded' || kind === 'failed' || kind === 'cancelled';
}

/** The job that this event, as its last one, describes. */
export function jobOfEvent(event: JobEvent): Job {
  return {
    id: event.jobId,
    operation: event.operation,
    state: EVENT_STATES[event.kind],
    attempt: event.attempt,
    maxAttempts: event.maxAttempts,
    durability: 'stream',
    acceptedAt: event.acceptedAt,
    ...(event.startedAt === undefined ? {} : { startedAt: event.startedAt }),
    ...(isTerminalEvent(event) ? { finishedAt: event.at } : {}),
    ...(event.progress === undefined ? {} : { progress: event.progress }),
    ...('result' in event ? { result: event.result } : {}),
    ...(event.error === undefined ? {} : { error: event.error }),
    traceId: event.traceId,
    ...(event.previousTraceIds === undefined ? {} : { previousTraceIds: event.previousTraceIds }),
    links: jobLinks(event.jobId),
  };
}

/** Addresses of a job, relative to the API's origin. */
export function jobLinks(jobId: string): Job['links'] {
  return { self: `/v1/jobs/${jobId}` };
}
