import * as z from 'zod';
import { OutboxStatus } from './outbox.ts';
import { Problem } from './problem.ts';

/** Answer of `GET /healthz`: the Worker runs. */
export const Health = z.object({ status: z.literal('ok') });
export type Health = z.infer<typeof Health>;

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

/** Answer of `GET /readyz`: the Worker runs, and NATS answers its bridges. */
export const Readiness = z.object({ status: z.literal('ready'), bridges: z.array(BridgeStatus) });
export type Readiness = z.infer<typeof Readiness>;

/** Answer of `GET /readyz` where NATS does not answer: a problem, and how the bridges are, where they can say it. */
export const Unreadiness = Problem.extend({ bridges: z.array(BridgeStatus).optional() });
export type Unreadiness = z.infer<typeof Unreadiness>;
