import * as z from 'zod';

/** An accepted job that NATS does not have, as its tenant sees it. */
export const OutboxItem = z.object({
  /** The job's id while the job is pending for the first time. From its first rejection on, an id of its own. */
  id: z.string(),
  /** The job's id; absent if the stored row cannot be read. */
  jobId: z.string().optional(),
  /** `pending`: the job waits for NATS. `rejected`: NATS refuses the job as it is, and the job can be retried. */
  state: z.enum(['pending', 'rejected']),
  /** The operation; absent if the stored row cannot be read. */
  operation: z.string().optional(),
  addedAt: z.iso.datetime(),
  /** How many times the job was sent. */
  tries: z.int().min(0),
  /** Why NATS refused the job. */
  reason: z.string().optional(),
});
export type OutboxItem = z.infer<typeof OutboxItem>;

/** A tenant's jobs that NATS does not have, in the order in which they are sent. */
export const OutboxList = z.object({ jobs: z.array(OutboxItem) });
export type OutboxList = z.infer<typeof OutboxList>;

/** What the outbox of a bridge holds. */
export const OutboxStatus = z.object({
  /** How many jobs wait for NATS. */
  pending: z.int().min(0),
  /** How many jobs NATS refuses as they are. */
  rejected: z.int().min(0),
  /** How many jobs NATS has whose end is not recorded yet (`OUTBOX_KEEP=ended`). */
  published: z.int().min(0),
  bytes: z.int().min(0),
  /** How long the oldest pending job has waited, in seconds; 0 if no job is pending. */
  oldestAgeSeconds: z.number().min(0),
});
export type OutboxStatus = z.infer<typeof OutboxStatus>;
