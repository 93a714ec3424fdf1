import * as z from 'zod';
import { jobWithoutEvents } from '../../shared/job/accepted-job.ts';
import type { Job } from '../../shared/job/job.ts';
import { isOperationName, isToken, type JobAddress } from '../../shared/job/job-address.ts';
import { AcceptedSpec } from '../../shared/job/job-spec.ts';
import { FIELDS } from '../../shared/propagation/index.ts';

/**
 * The schema of {@link OutgoingJob}, as the outbox stores it. A stored row that no longer fits this schema is rejected.
 */
export const OutgoingJob = z.object({
  tenant: z.string().refine(isToken),
  jobId: z.string().refine(isToken),
  operation: z.string().refine(isOperationName),
  acceptedAt: z.iso.datetime(),
  spec: AcceptedSpec,
  /** The trace context of the job's `send` span. The message carries this context, even if it is sent much later. */
  carrier: z.partialRecord(z.enum(FIELDS), z.string()),
});

/** A job that was checked and may be sent. This is everything that the job's message says, except the input. */
export type OutgoingJob = z.output<typeof OutgoingJob>;

/** Returns the job as the HTTP API shows it until a worker takes it. */
export function queuedJob(job: OutgoingJob, durability: Job['durability']): Job {
  return jobWithoutEvents(job, { durability, traceId: traceIdOf(job) });
}

/** The fields of a log line that name a job. */
export function jobFields({ jobId, operation, tenant }: JobAddress) {
  return { job_id: jobId, operation, tenant };
}

/** Returns the trace id of a job; empty if the job has no trace. */
export function traceIdOf({ carrier }: OutgoingJob): string {
  return carrier.traceparent?.slice(3, 35) ?? '';
}
