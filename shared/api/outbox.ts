import * as z from 'zod';

/** An accepted job that NATS does not have, as its tenant sees it. */
export const OutboxItem = z.object({
  id: z.string(),
  /** `waiting`: NATS is away. `set-aside`: NATS will not take it, until somebody sees to it. */
  state: z.enum(['waiting', 'set-aside']),
  /** Absent where the row cannot be read any more. */
  operation: z.string().optional(),
  addedAt: z.iso.datetime(),
  /** How often it was sent. */
  tries: z.int().min(0),
  /** Why it was set aside. */
  reason: z.string().optional(),
});
export type OutboxItem = z.infer<typeof OutboxItem>;

/** A tenant's jobs that NATS does not have, in the order in which they wait. */
export const OutboxList = z.object({ jobs: z.array(OutboxItem) });
export type OutboxList = z.infer<typeof OutboxList>;

/** How many of them one answer holds. */
export const OUTBOX_LIST_LIMIT = 100;

/** What the outbox of a bridge holds. */
export const OutboxStatus = z.object({
  /** Jobs that wait for NATS. */
  waiting: z.int().min(0),
  /** Jobs that NATS will not take, until somebody sees to it. */
  setAside: z.int().min(0),
  /** Jobs that NATS has and whose end has not been seen (`OUTBOX_KEEP=settled`). */
  unsettled: z.int().min(0),
  bytes: z.int().min(0),
  /** Seconds that the first in the line has been waiting; 0: nobody waits. */
  oldestAgeSeconds: z.number().min(0),
});
export type OutboxStatus = z.infer<typeof OutboxStatus>;
