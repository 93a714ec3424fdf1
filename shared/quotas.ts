/** The names of all limits that a caller can reach. An answer 429 names one of them. */
export const QUOTA_NAMES = [
  // What the unfinished jobs of a tenant take.
  'jobs',
  'bytes',
  'delayedJobs',
  'delayedBytes',
  // What the events and dead letters of its jobs take.
  'storedBytes',
  // What a tenant takes of a bridge.
  'outboxJobs',
  'outboxBytes',
  'waits',
  'streams',
  'schedules',
  // Requests of a tenant, in an isolate and in a Cloudflare location.
  'requests',
  'locationRequests',
  // Requests of an address without a valid key or token: all of them, and those that need one.
  'addressRequests',
  'failedAuthentication',
] as const;
export type QuotaName = (typeof QUOTA_NAMES)[number];

/** The quota that a request was refused for. */
export interface SpentQuota {
  readonly name: QuotaName;
  readonly limit: number;
  /** How much of it is left, if any: a job may be larger than that. */
  readonly left?: number;
  /** The limit counts what comes within this many seconds. Undefined: it counts what exists at one time. */
  readonly windowSeconds?: number;
}
