import { jobOfEvent } from '../../shared/job/event.ts';
import type { CancelCommand, Cancellation } from '../calls/commands.ts';
import { cancel } from '../jobs/cancel.ts';
import { cancelledInOutbox } from '../jobs/outgoing-job.ts';
import { BrokerReach } from '../nats/broker-reach.ts';
import { pendingJob } from '../outbox/pending-job.ts';
import type { BridgeParts } from './bridge-parts.ts';

/**
 * Cancels a job, wherever it is. One that only the outbox has ends here: it is never sent, and its end is recorded once
 * NATS is there. One that NATS may have too is cancelled there first.
 * @returns undefined when there is no such job
 * @throws ThroughlineError `broker-unavailable`
 */
export async function cancelPending(
  parts: BridgeParts,
  command: CancelCommand,
): Promise<Cancellation | undefined> {
  const { outbox, log, name } = parts;
  const { tenant, jobId } = command;
  const entry = outbox.find(tenant, jobId);
  if (entry === undefined) return await cancel(parts, command);
  if (entry.cancelledAt !== undefined) return { job: pendingJob(entry, name), tooLate: false };
  const mayBeSent = entry.tries > 0 && entry.reason === undefined;
  if (mayBeSent) {
    const reach = await BrokerReach.of(parts.connection);
    const cancelled = await reach.ask(() => cancel(parts, command));
    if (cancelled !== undefined) return cancelled;
  }
  const at = new Date().toISOString();
  // It may have been sent since it was found.
  if (!outbox.cancel(entry.position, at)) return await cancel(parts, command);
  parts.kept();
  log.info('job cancelled in the outbox', { job_id: jobId, tenant });
  if (mayBeSent) return { job: pendingJob(entry, name), tooLate: false };
  const job = { ...jobOfEvent(cancelledInOutbox(name, entry.job, at)), durability: 'outbox' } as const;
  return { job, tooLate: false };
}
