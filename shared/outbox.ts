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

/** How a bridge is. */
export const BridgeStatus = z.object({
  bridge: z.string(),
  /** Of its connection to NATS. */
  state: z.enum(['idle', 'connecting', 'open', 'lost']),
  /** Connections opened so far by this object. */
  connections: z.int().min(0),
  /** Milliseconds to NATS and back; absent: it does not answer. */
  roundTripMs: z.number().min(0).optional(),
  /** Jobs whose events are followed now. */
  watchedJobs: z.int().min(0),
  outbox: OutboxStatus,
});
export type BridgeStatus = z.infer<typeof BridgeStatus>;
