/** Limits that hold for every job, whatever its operation allows. */
export const LIMITS = {
  /** Bytes of a job's input as JSON. JetStream's default `max_payload` is 1 MiB, headers included. */
  inputBytes: 256 * 1024,
  /** Bytes of a job's result as JSON. The result travels in the event that ends the job. */
  resultBytes: 512 * 1024,
  maxAttempts: 100,
  timeoutMs: 24 * 60 * 60 * 1000,
  waitSeconds: 60,
  delayMs: 30 * 24 * 60 * 60 * 1000,
  batchJobs: 100,
  /** How many inputs of the largest size fit into a batch. */
  batchInputs: 16,
} as const;
