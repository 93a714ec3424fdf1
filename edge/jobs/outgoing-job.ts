import * as z from 'zod';
import { type JobEvent, jobLinks } from '../../shared/job/event.ts';
import { type Job, LIMITS } from '../../shared/job/job.ts';
import { extract, FIELDS, fromRecord } from '../../shared/propagation/index.ts';
import { CALLBACK_ENDS, isCallbackUrl } from '../../shared/wire/callback.ts';
import { isOperationName, isToken } from '../../shared/wire/subjects.ts';

/** Schema of {@link OutgoingJob} as it is kept; what cannot be read back is set aside, not sent. */
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
  /** The context of its `send` span, which the message carries however late it is sent. */
  carrier: z.partialRecord(z.enum(FIELDS), z.string()),
});

/** A job that was checked and may be sent: all that its message says, but for the input. */
export type OutgoingJob = z.output<typeof OutgoingJob>;

/** The job that an {@link OutgoingJob} is to its caller until a worker has taken it. */
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

/** The end of a job that was cancelled while the outbox had it. */
export function cancelledInOutbox(bridge: string, job: OutgoingJob, at: string): JobEvent {
  const { id: jobId, operation, maxAttempts, acceptedAt, traceId } = queuedJob(job, 'outbox');
  return {
    ...{ kind: 'cancelled', jobId, operation, attempt: 0, maxAttempts, released: 0, acceptedAt, at },
    ...{ worker: bridge, traceId, spanId: '' },
    ...(job.fingerprint === undefined ? {} : { fingerprint: job.fingerprint }),
    error: { code: 'job-cancelled', message: 'cancelled by its caller' },
  };
}
