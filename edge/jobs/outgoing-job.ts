import * as z from 'zod';
import { jobLinks } from '../../shared/job/event.ts';
import { type Job, LIMITS } from '../../shared/job/job.ts';
import { extract, FIELDS, fromRecord } from '../../shared/propagation/index.ts';
import { CALLBACK_ENDS, isCallbackUrl } from '../../shared/wire/callback.ts';
import { isOperationName, isToken } from '../../shared/wire/subjects.ts';

/** Schema of {@link OutgoingJob} as the outbox keeps it. A row that does not fit it any more is rejected, not sent. */
export const OutgoingJob = z.object({
  tenant: z.string().refine(isToken),
  jobId: z.string().refine(isToken),
  operation: z.string().refine(isOperationName),
  acceptedAt: z.iso.datetime(),
  dueAt: z.iso.datetime().optional(),
  maxAttempts: z.int().min(1).max(LIMITS.maxAttempts),
  timeoutMs: z.int().min(1).max(LIMITS.timeoutMs).optional(),
  fingerprint: z.string().optional(),
  callback: z
    .object({ url: z.string().refine(isCallbackUrl), events: z.array(z.enum(CALLBACK_ENDS)).readonly() })
    .optional(),
  /** The context of its `send` span. The message carries it, however late it is sent. */
  carrier: z.partialRecord(z.enum(FIELDS), z.string()),
});

/** A job that was checked and may be sent: everything its message says, except the input. */
export type OutgoingJob = z.output<typeof OutgoingJob>;

/** The job as its caller sees it until a worker takes it. */
export function queuedJob(job: OutgoingJob, durability: Job['durability']): Job {
  return {
    id: job.jobId,
    operation: job.operation,
    state: 'queued',
    attempt: 0,
    maxAttempts: job.maxAttempts,
    durability,
    acceptedAt: job.acceptedAt,
    ...(job.dueAt === undefined ? {} : { dueAt: job.dueAt }),
    traceId: extract(fromRecord(job.carrier)).spanContext?.traceId ?? '',
    links: jobLinks(job.jobId),
  };
}
