import * as z from 'zod';
import { Job } from '../../job/job.ts';

/**
 * A job as a list shows it: without the fields that may be large, and without those that only the job's events hold.
 */
export const JobSummary = Job.omit({
  result: true,
  progress: true,
  attempts: true,
  error: true,
  priority: true,
  orderingKey: true,
  dueBy: true,
}).extend({
  /** Why the job did not succeed. `GET /v1/jobs/{id}` also returns the message of the error. */
  error: z.object({ code: z.string() }).optional(),
});
export type JobSummary = z.infer<typeof JobSummary>;

/** A page of a tenant's jobs, newest first. */
export const JobPage = z.object({
  jobs: z.array(JobSummary),
  /** Send this cursor to get the next page. It is absent on the last page. */
  cursor: z.string().optional(),
  /** Whether the list has everything that was recorded before the request. False while NATS cannot be reached. */
  complete: z.boolean(),
});
export type JobPage = z.infer<typeof JobPage>;
