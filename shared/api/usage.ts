import * as z from 'zod';

const count = z.int().min(0);

/** What the jobs of a tenant take, or how much they may take. */
export const Usage = z.object({
  /** Jobs that have not ended. */
  jobs: count,
  /** Bytes of their inputs as JSON. */
  bytes: count,
  /** Those of them that wait for their time. */
  delayedJobs: count,
  delayedBytes: count,
  /** Bytes that NATS stores of all jobs, also of those that have ended: their events and dead letters. */
  storedBytes: count,
});
export type Usage = z.infer<typeof Usage>;

/** What a tenant takes of a bridge, or how much it may take. */
export const BridgeUsage = z.object({
  /** Its jobs in the outbox, and their bytes. */
  outboxJobs: count,
  outboxBytes: count,
  /** Requests that wait for the end of a job. */
  waits: count,
  /** Open event streams. */
  streams: count,
});
export type BridgeUsage = z.infer<typeof BridgeUsage>;

/** What a tenant uses. */
export const WholeUsage = z.object({ ...Usage.shape, ...BridgeUsage.shape, schedules: count });
export type WholeUsage = z.infer<typeof WholeUsage>;

/** How much a tenant may use. */
export const Quotas = z.object({
  ...WholeUsage.shape,
  /** Requests per second. */
  requests: z.int().min(1),
});
export type Quotas = z.infer<typeof Quotas>;

/** Quotas of one tenant; those that are left out are those of all tenants. */
export const SomeQuotas = Quotas.partial();
export type SomeQuotas = z.infer<typeof SomeQuotas>;

/** The usage of a tenant, and its quotas. */
export const UsageReport = z.object({ used: WholeUsage, quotas: Quotas });
export type UsageReport = z.infer<typeof UsageReport>;

/** The usage of a tenant without jobs. */
export const NO_USAGE: Usage = { jobs: 0, bytes: 0, delayedJobs: 0, delayedBytes: 0, storedBytes: 0 };

/** The usage of two things together. */
export function addUsage(one: Usage, other: Usage): Usage {
  return combine(one, other, 1);
}

/** What is left of `whole` without `part`. */
export function subtractUsage(whole: Usage, part: Usage): Usage {
  return combine(whole, part, -1);
}

function combine(one: Usage, other: Usage, sign: 1 | -1): Usage {
  return {
    jobs: one.jobs + sign * other.jobs,
    bytes: one.bytes + sign * other.bytes,
    delayedJobs: one.delayedJobs + sign * other.delayedJobs,
    delayedBytes: one.delayedBytes + sign * other.delayedBytes,
    storedBytes: one.storedBytes + sign * other.storedBytes,
  };
}

/** The names of the quotas of jobs. */
export const JOB_QUOTAS = Object.keys(NO_USAGE) as (keyof Usage)[];

/** The names of what a tenant takes of a bridge. */
export const BRIDGE_USES = Object.keys(BridgeUsage.shape) as (keyof BridgeUsage)[];

/** The names of the quotas that a bridge keeps. Those of requests are kept by isolates, and that of schedules by their objects. */
export const BRIDGE_QUOTAS = [...JOB_QUOTAS, ...BRIDGE_USES];
