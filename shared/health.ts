import * as z from 'zod';

/** Answer of `GET /healthz`: the Worker runs. */
export const Health = z.object({ status: z.literal('ok') });
export type Health = z.infer<typeof Health>;

/** How a bridge is connected to NATS. */
export const BridgeStatus = z.object({
  bridge: z.string(),
  state: z.string(),
  /** Connections opened so far by this object. */
  connections: z.int().min(0),
  /** Milliseconds to NATS and back. */
  roundTripMs: z.number().min(0),
  /** Jobs whose events are followed now. */
  watchedJobs: z.int().min(0),
});
export type BridgeStatus = z.infer<typeof BridgeStatus>;

/** Answer of `GET /readyz`: the Worker runs, and NATS answers its bridge. */
export const Readiness = z.object({ status: z.literal('ready'), nats: BridgeStatus });
export type Readiness = z.infer<typeof Readiness>;
