import { jobOfEvent } from '../../shared/job/event.ts';
import type { Job } from '../../shared/job/job.ts';
import { cancelledInOutbox, queuedJob } from '../jobs/outgoing-job.ts';
import type { OutboxEntry } from './outbox.ts';

/** The job that an entry of the outbox is to its caller. */
export function pendingJob({ job, cancelledAt, reason }: OutboxEntry, bridge: string): Job {
  if (cancelledAt !== undefined)
    return { ...jobOfEvent(cancelledInOutbox(bridge, job, cancelledAt)), durability: 'outbox' };
  const queued = queuedJob(job, 'outbox');
  if (reason === undefined) return queued;
  return { ...queued, error: { code: 'broker-rejected', message: reason } };
}
