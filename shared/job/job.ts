import * as z from 'zod';
import { JobFailure, Progress } from './attempt-report.ts';
import { ShownSpec } from './job-spec.ts';
import { JOB_STATES } from './job-state.ts';

export const JobState = z.enum(JOB_STATES);
export type JobState = z.infer<typeof JobState>;

/**
 * Where an accepted job is stored. `stream`: JetStream acknowledged the job. `outbox`: the bridge has the job in its
 * outbox.
 */
const Durability = z.enum(['stream', 'outbox']);

/** One attempt to run a job, read from the job's events. */
export const JobAttempt = z.object({
  number: z.int().min(1),
  worker: z.string(),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().optional(),
  /** Absent while the attempt runs. `lost`: it has no end, and another attempt followed it or ended the job. */
  outcome: z.enum(['succeeded', 'failed', 'cancelled', 'retrying', 'released', 'lost']).optional(),
  error: JobFailure.optional(),
  spanId: z.string(),
});
export type JobAttempt = z.infer<typeof JobAttempt>;

/** A job as the HTTP API shows it. Times are RFC 3339 in UTC. */
export const Job = z.object({
  id: z.string(),
  operation: z.string(),
  state: JobState,
  /** The attempt of the last event. It may go down by one: an earlier attempt may end after the next one has started. */
  attempt: z.int().min(0),
  /** `dueAt` is shown only until a delayed job has started. */
  ...ShownSpec.shape,
  maxAttempts: z.int().min(1),
  durability: Durability,
  /** Only of a job that waits: no worker host can run its operation now. */
  served: z.literal(false).optional(),
  acceptedAt: z.iso.datetime(),
  startedAt: z.iso.datetime().optional(),
  finishedAt: z.iso.datetime().optional(),
  progress: Progress.optional(),
  result: z.unknown().optional(),
  error: JobFailure.optional(),
  /** Present if the job was read by its id, and absent in lists. */
  attempts: z.array(JobAttempt).optional(),
  traceId: z.string(),
  /** The traces before each redrive, oldest first. */
  previousTraceIds: z.array(z.string()).optional(),
  links: z.object({ self: z.string() }),
});
export type Job = z.infer<typeof Job>;
