import { type JobEvent, jobOfEvent } from '../../shared/job/event.ts';
import type { Job } from '../../shared/job/job.ts';
import { type OutgoingJob, queuedJob } from '../jobs/outgoing-job.ts';
import type { OutboxEntry } from './outbox.ts';

/** The job that an entry of the outbox is to its caller. */
export function pendingJob({ job, cancelledAt, reason }: OutboxEntry, bridge: string): Job {
  if (cancelledAt !== undefined)
    return { ...jobOfEvent(cancelledInOutbox(bridge, job, cancelledAt)), durability: 'outbox' };
  const queued = queuedJob(job, 'outbox');
  if (reason === undefined) return queued;
  return { ...queued, error: { code: 'broker-rejected', message: reason } };
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
