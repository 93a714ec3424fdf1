import * as z from 'zod';
import { Job } from '../job/job.ts';

/** A job as a list shows it: without what may be large, and without what only its events say. */
export const JobSummary = Job.omit({ result: true, progress: true, attempts: true, error: true }).extend({
  /** Why it did not succeed; the sentence that goes with it is in the job. */
  error: z.object({ code: z.string() }).optional(),
});
export type JobSummary = z.infer<typeof JobSummary>;

/** A page of a tenant's jobs, newest first. */
export const JobPage = z.object({
  jobs: z.array(JobSummary),
  /** What the next page is asked for with; absent on the last one. */
  cursor: z.string().optional(),
  /** Whether all that was recorded before the request is in the answer; false while NATS cannot be reached. */
  complete: z.boolean(),
});
export type JobPage = z.infer<typeof JobPage>;

/** Bounds of a page. */
export const JOB_LIST_LIMITS = { page: 100, defaultPage: 50 } as const;
