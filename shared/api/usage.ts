import * as z from 'zod';

/** What the jobs of a tenant that have not ended take, or how much they may take. */
export const Usage = z.object({
  /** Jobs that have not ended. */
  jobs: z.int(),
  /** Bytes of their inputs as JSON. */
  bytes: z.int(),
  /** Those of them that wait for their time. */
  delayedJobs: z.int(),
  delayedBytes: z.int(),
});
export type Usage = z.infer<typeof Usage>;

/** The usage of a tenant, and its quotas. */
export const UsageReport = z.object({ used: Usage, quotas: Usage });
export type UsageReport = z.infer<typeof UsageReport>;

/** The usage of a tenant without jobs. */
export const NO_USAGE: Usage = { jobs: 0, bytes: 0, delayedJobs: 0, delayedBytes: 0 };

/** The names of the quotas. */
export const QUOTAS = Object.keys(NO_USAGE) as (keyof Usage)[];
