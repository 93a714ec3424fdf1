/** The longest that the API waits for the end of a job before it answers, in seconds. */
export const MAX_WAIT_SECONDS = 60;

/** Limits for every job, even if the job's operation allows more. */
export const LIMITS = {
  /** The most bytes of a job's input as JSON. JetStream's default `max_payload` is 1 MiB, headers included. */
  inputBytes: 256 * 1024,
  /** The most bytes of a job's result as JSON. The event that ends the job holds the result. */
  resultBytes: 512 * 1024,
  maxAttempts: 100,
  timeoutMs: 24 * 60 * 60 * 1000,
  waitSeconds: MAX_WAIT_SECONDS,
  delayMs: 30 * 24 * 60 * 60 * 1000,
  batchJobs: 100,
  /** The most tags of a job. */
  tags: 8,
  /** The largest limit of an operation for one key, and the longest period of such a limit. */
  perKey: 1_000,
  ratePeriodMs: 24 * 60 * 60 * 1000,
  /** How many inputs of the largest size fit into one batch. */
  batchInputs: 16,
} as const;
