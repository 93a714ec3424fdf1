import * as z from 'zod';
import { jobWithoutEvents } from '../../shared/job/accepted-job.ts';
import type { Job } from '../../shared/job/job.ts';
import { isOperationName, isToken } from '../../shared/job/job-address.ts';
import { AcceptedSpec } from '../../shared/job/job-spec.ts';
import { extract, FIELDS, fromRecord } from '../../shared/propagation/index.ts';

/** Schema of {@link OutgoingJob} as the outbox keeps it. A row that does not fit it any more is rejected, not sent. */
export const OutgoingJob = z.object({
  tenant: z.string().refine(isToken),
  jobId: z.string().refine(isToken),
  operation: z.string().refine(isOperationName),
  acceptedAt: z.iso.datetime(),
  spec: AcceptedSpec,
  /** The context of its `send` span. The message carries it, however late it is sent. */
  carrier: z.partialRecord(z.enum(FIELDS), z.string()),
});

/** A job that was checked and may be sent: everything its message says, except the input. */
export type OutgoingJob = z.output<typeof OutgoingJob>;

/** The job as its caller sees it until a worker takes it. */
export function queuedJob(job: OutgoingJob, durability: Job['durability']): Job {
  return jobWithoutEvents(job, { durability, traceId: traceIdOf(job) });
}

/** The trace of a job; empty where there is none. */
export function traceIdOf({ carrier }: OutgoingJob): string {
  return extract(fromRecord(carrier)).spanContext?.traceId ?? '';
}
