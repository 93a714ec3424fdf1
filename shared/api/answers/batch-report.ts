import * as z from 'zod';
import { Job } from '../../job/job.ts';
import { Problem } from './problem.ts';

/** The result of a job of a batch that was accepted. The status is that of a request for this job alone. */
export const AcceptedResult = z.object({
  status: z.int(),
  job: Job,
  /** The job was there already, with the same unique key. */
  existing: z.literal(true).optional(),
});
/** The result of a job of a batch that was refused. */
export const RefusedResult = z.object({ status: z.int(), problem: Problem });
/** The result of one job of a batch: the answer that a request for this job alone would have got. */
export const BatchResult = z.union([AcceptedResult, RefusedResult]);
export type BatchResult = z.infer<typeof BatchResult>;

/** The results of a batch, in the order of its jobs. */
export const BatchReport = z.object({ results: z.array(BatchResult) });
export type BatchReport = z.infer<typeof BatchReport>;
