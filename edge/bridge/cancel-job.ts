import type { CancelCommand, Cancellation } from '../calls/commands.ts';
import { cancelAtBroker } from '../jobs/cancel-at-broker.ts';
import { RequestBroker } from '../nats/request-broker.ts';
import type { OutboxEntry } from '../outbox/outbox-entry.ts';
import { mayBeAtBroker, pendingJob } from '../outbox/pending-job.ts';
import type { BridgeParts } from './bridge-parts.ts';

/**
 * Cancels a job. If only the outbox has the job, the job is never sent, and its end is recorded when NATS can be
 * reached. If NATS may have the job too, the job is cancelled at NATS first.
 * @returns undefined when there is no such job
 * @throws ThroughlineError `broker-unavailable`
 */
export async function cancelJob(
  bridge: BridgeParts,
  command: CancelCommand,
): Promise<Cancellation | undefined> {
  const { tenant, jobId } = command;
  const pending = bridge.outbox.findPending(tenant, jobId);
  const entry = pending ?? bridge.outbox.rejected.findByJob(tenant, jobId);
  if (entry === undefined || pending === undefined) {
    const cancelled = await cancelAtBroker(bridge, command);
    if (cancelled !== undefined || entry === undefined) return cancelled;
  }
  if (entry.cancelledAt !== undefined) return { job: pendingJob(entry, bridge.name), tooLate: false };
  const cancelled = mayBeAtBroker(entry) ? await cancelIfAtBroker(bridge, command) : undefined;
  return cancelled ?? (await cancelInOutbox(bridge, command, entry));
}

/**
 * Cancels a job that NATS may have.
 * @returns undefined if NATS does not have the job, cannot be reached, or refuses this bridge
 */
async function cancelIfAtBroker(
  bridge: BridgeParts,
  command: CancelCommand,
): Promise<Cancellation | undefined> {
  const broker = await RequestBroker.start(bridge.connection);
  return await broker.ask(() => cancelAtBroker(bridge, command));
}

async function cancelInOutbox(
  bridge: BridgeParts,
  command: CancelCommand,
  entry: OutboxEntry,
): Promise<Cancellation | undefined> {
  const { outbox, scheduler, log, name } = bridge;
  const cancelledAt = new Date().toISOString();
  // The outbox may have published the job since it was found.
  if (!outbox.cancel(entry.position, cancelledAt)) return await cancelAtBroker(bridge, command);
  scheduler.added();
  log.info('job cancelled in the outbox', { job_id: command.jobId, tenant: command.tenant });
  // If NATS may have the job, a worker may still end the job in another way. For this reason the answer does not say
  // `cancelled` yet.
  const shown = entry.publication === 'unanswered' ? entry : { ...entry, cancelledAt };
  return { job: pendingJob(shown, name), tooLate: false };
}
