import * as z from 'zod';
import { QUOTA_NAMES } from '../../quotas.ts';
import { OutboxStatus } from './outbox.ts';
import { Problem } from './problem.ts';

/** The answer of `GET /healthz` while the Worker runs. */
export const Health = z.object({ status: z.literal('ok') });
export type Health = z.infer<typeof Health>;

/**
 * How many inputs the edge did not check to the end, since the bridge started. They were accepted: the worker checks each
 * input whole.
 */
export const UncheckedInputs = z.object({
  /** The check would have taken more work than a request may take. */
  overBudget: z.int().min(0),
  /** The check itself failed. */
  failed: z.int().min(0),
  /** Workers announced other schemas again and again meanwhile. */
  rulesChanged: z.int().min(0),
});
export type UncheckedInputs = z.infer<typeof UncheckedInputs>;

/** How much a stream of waiting jobs holds, in bytes. */
export const StreamRoom = z.object({
  bytes: z.int().min(0),
  /** How much it may hold; absent if it has no cap. */
  maxBytes: z.int().min(1).optional(),
});
export type StreamRoom = z.infer<typeof StreamRoom>;

const share = z.number().min(0);

/** How much of each quota of tenants is used, by the tenant that has used most of it. 1: it is used up. */
export const QuotaUse = z.object({
  jobs: share,
  bytes: share,
  delayedJobs: share,
  delayedBytes: share,
  storedBytes: share,
  outboxJobs: share,
  outboxBytes: share,
  waits: share,
  streams: share,
});

/** The state of a bridge. */
export const BridgeStatus = z.object({
  bridge: z.string(),
  /** The state of its connection to NATS. */
  state: z.enum(['idle', 'connecting', 'open', 'lost']),
  /** How many connections this object has opened so far. */
  connections: z.int().min(0),
  /** Milliseconds to NATS and back; absent if NATS does not answer. */
  roundTripMs: z.number().min(0).optional(),
  /** What the bridge needs of NATS and does not get although NATS answers: a sentence for each. */
  problems: z.array(z.string()),
  /** The same for what the bridge can work without. */
  warnings: z.array(z.string()),
  /** How many jobs have their events followed now. */
  watchedJobs: z.int().min(0),
  /** How many worker hosts are alive; absent while that is not known. */
  workerHosts: z.int().min(0).optional(),
  /** How many jobs this object has accepted so far while no worker host served their operation. */
  unservedJobs: z.int().min(0),
  uncheckedInputs: UncheckedInputs,
  /** The jobs that are in the queue; absent if NATS does not say. */
  queue: StreamRoom.optional(),
  /** The jobs that are not due; absent if NATS does not say. */
  delayed: StreamRoom.optional(),
  quotaUse: QuotaUse,
  /** How many requests this object has refused so far, by the quota that was used up. */
  quotaRefusals: z.partialRecord(z.enum(QUOTA_NAMES), z.int().min(0)),
  outbox: OutboxStatus,
});
export type BridgeStatus = z.infer<typeof BridgeStatus>;

/** The answer of `GET /readyz` if NATS answers the bridges and does what they need. Only some callers may see the bridges. */
export const Readiness = z.object({ status: z.literal('ready'), bridges: z.array(BridgeStatus).optional() });
export type Readiness = z.infer<typeof Readiness>;

/** The answer of `GET /readyz` if NATS does not answer, or does not do what is needed: a problem, with the state of the bridges. */
export const Unreadiness = Problem.extend({ bridges: z.array(BridgeStatus).optional() });
export type Unreadiness = z.infer<typeof Unreadiness>;
