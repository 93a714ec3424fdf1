/** What an attempt reports: how far it is, and why it did not succeed. */
import * as z from 'zod';

/** How far a running operation is, as it reports itself: a fraction from 0 to 1, a text, or both. */
export const Progress = z.object({
  fraction: z.number().min(0).max(1).optional(),
  message: z.string().max(1_000).optional(),
});
export type Progress = z.infer<typeof Progress>;

/** Why a job, or one attempt of it, did not succeed. */
export const JobFailure = z.object({
  code: z.string(),
  message: z.string(),
});
export type JobFailure = z.infer<typeof JobFailure>;

/** The error of a job that its caller cancelled. */
export const CANCELLED_ERROR = {
  code: 'job-cancelled',
  message: 'cancelled by its caller',
} as const satisfies JobFailure;
