/** The names of all limits that a caller can reach. An answer 429 names one of them. */
export const QUOTA_NAMES = [
  // What the unfinished jobs of a tenant take.
  ...(['jobs', 'bytes', 'delayedJobs', 'delayedBytes'] as const),
  // What a tenant takes of a bridge.
  ...(['outboxJobs', 'outboxBytes', 'waits', 'streams'] as const),
  'schedules',
  // Requests of a tenant, in an isolate and in a Cloudflare location.
  ...(['requests', 'locationRequests'] as const),
  // Requests of an address without a valid key or token: all of them, and those that need one.
  ...(['addressRequests', 'failedAuthentication'] as const),
] as const;
export type QuotaName = (typeof QUOTA_NAMES)[number];

/** The quota that a request was refused for. */
export interface SpentQuota {
  readonly name: QuotaName;
  readonly limit: number;
  /** How much of it is left, if any: a job may be larger than that. */
  readonly left?: number;
  /** The limit holds for this many seconds. Undefined: for what there is at one time. */
  readonly windowSeconds?: number;
}
