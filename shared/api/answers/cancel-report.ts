import * as z from 'zod';

/** The result of cancelling many jobs. */
export const CancelReport = z.object({
  /** The ids of the jobs that are cancelled. */
  cancelled: z.array(z.string()),
  /** The ids of the jobs whose workers were asked to stop them. Each of them may still end in another way. */
  stopping: z.array(z.string()),
  failed: z.array(z.object({ id: z.string(), code: z.string() })),
  /** Send this cursor to continue. It is absent once all jobs that were accepted before the first request were looked at. */
  cursor: z.string().optional(),
  /** Whether the list of jobs had everything that was recorded before the request. False while NATS cannot be reached. */
  complete: z.boolean(),
});
export type CancelReport = z.infer<typeof CancelReport>;
