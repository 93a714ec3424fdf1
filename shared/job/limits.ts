/** Bounds that hold for every job, whatever its operation says. */
export const LIMITS = {
  /** Bytes of a job's input as JSON. JetStream's default `max_payload` is 1 MiB, headers included. */
  inputBytes: 256 * 1024,
  /** Bytes of a job's result as JSON, which travels in its terminal event. */
  resultBytes: 512 * 1024,
  maxAttempts: 100,
  timeoutMs: 24 * 60 * 60 * 1000,
  waitSeconds: 60,
  delayMs: 30 * 24 * 60 * 60 * 1000,
  batchJobs: 100,
  /** How many inputs of full size a whole batch may hold. */
  batchInputs: 16,
} as const;
