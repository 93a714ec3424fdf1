import * as z from 'zod';
import { Job } from '../job/job.ts';
import { LIMITS } from '../job/limits.ts';
import { Problem } from './problem.ts';

/** Body of `POST /v1/jobs/batch`. Each job is read by itself, so that one that is wrong does not spoil the others. */
export const Batch = z.strictObject({
  jobs: z
    .array(z.unknown(), 'must be a list of jobs')
    .min(1, 'must hold at least one job')
    .max(LIMITS.batchJobs, `must hold at most ${LIMITS.batchJobs} jobs`),
});

/** One result of a batch, in the place of its job: what a request of its own would have been answered. */
export const BatchResult = z.union([
  z.object({ status: z.int(), job: Job }),
  z.object({ status: z.int(), problem: Problem }),
]);
export type BatchResult = z.infer<typeof BatchResult>;

/** What became of the jobs of a batch, in their order. */
export const BatchReport = z.object({ results: z.array(BatchResult) });
export type BatchReport = z.infer<typeof BatchReport>;
