import * as z from 'zod';
import { JobFailure } from './attempt-report.ts';
import { CALLBACK_EVENT_KINDS } from './job-state.ts';

/**
 * The outcome of one delivery of a callback. The event is stored on a subject of its own, because the last event on the
 * job's subject is the job's state, and a callback does not change that.
 */
export const CallbackEvent = z.object({
  kind: z.enum(CALLBACK_EVENT_KINDS),
  jobId: z.string(),
  /** The URL without its query, which may hold a secret. */
  url: z.string(),
  /** 1 for the first delivery. */
  attempt: z.int().min(1),
  maxAttempts: z.int().min(1),
  at: z.iso.datetime(),
  worker: z.string(),
  /** The HTTP status of the receiver's answer, if there was one. */
  status: z.int().optional(),
  error: JobFailure.optional(),
  /** With `callback-retrying`: milliseconds until the next delivery. */
  retryInMs: z.number().optional(),
  traceId: z.string(),
  /** The span of the delivery. */
  spanId: z.string(),
  /** How often the job had been redriven when it ended; absent if it never was. */
  redriveCount: z.int().min(1).optional(),
});
export type CallbackEvent = z.infer<typeof CallbackEvent>;
