import { SharedReads } from '../../shared/collections/shared-reads.ts';
import { errorFrom, loggedReason } from '../../shared/error-table.ts';
import {
  CANCEL_MANY_BUDGET_MS,
  type Cancellation,
  type CancelManyCommand,
  type CancelOutcome,
} from '../calls/commands.ts';
import { type Cancel, type CancelParts, cancelAtBroker, consumersOfQueue } from '../jobs/cancel-at-broker.ts';
import { jobFields } from '../jobs/outgoing-job.ts';
import { RequestBroker } from '../nats/request-broker.ts';
import type { ConsumerPlace } from '../nats/stored-message.ts';
import type { OutboxEntry } from '../outbox/outbox-entry.ts';
import { mayBeAtBroker, pendingJob } from '../outbox/pending-job.ts';
import type { BridgeParts } from './bridge-parts.ts';

/** What a cancel needs of its bridge. */
type CancelBridge = CancelParts & Pick<BridgeParts, 'outbox' | 'scheduler'>;

/**
 * Cancels a job. If only the outbox has the job, the job is never sent, and its end is recorded when NATS can be
 * reached. If NATS may have the job too, the job is cancelled at NATS first.
 * @returns undefined when there is no such job
 * @throws ThroughlineError `broker-unavailable`
 */
export async function cancelJob(bridge: CancelBridge, command: Cancel): Promise<Cancellation | undefined> {
  const { tenant, jobId } = command;
  const { outbox } = bridge;
  const pending = outbox.findPending(tenant, jobId);
  if (pending !== undefined) return await cancelEntry(bridge, command, pending);
  const rejected = outbox.rejected.findByJob(tenant, jobId);
  // A rejected job never hides a job that NATS has under the same id.
  const cancelled = await cancelAtBroker(bridge, command);
  if (cancelled !== undefined) return cancelled;
  if (rejected !== undefined) return await cancelEntry(bridge, command, rejected);
  // NATS has forgotten it. The check of ends would send it again.
  const published = outbox.findPublished(tenant, jobId);
  if (published === undefined) return undefined;
  outbox.requeue(published.position);
  return await cancelInOutbox(bridge, command, published);
}

/** Cancels a job that the outbox has, and that NATS may have too. */
async function cancelEntry(
  bridge: CancelBridge,
  command: Cancel,
  entry: OutboxEntry,
): Promise<Cancellation | undefined> {
  if (entry.cancelledAt !== undefined) return { job: pendingJob(entry, bridge.name), tooLate: false };
  const cancelled = mayBeAtBroker(entry) ? await cancelIfAtBroker(bridge, command) : undefined;
  return cancelled ?? (await cancelInOutbox(bridge, command, entry));
}

/**
 * Cancels a job that NATS may have.
 * @returns undefined if NATS does not have the job, cannot be reached, or refuses this bridge
 */
async function cancelIfAtBroker(bridge: CancelBridge, command: Cancel): Promise<Cancellation | undefined> {
  const broker = await RequestBroker.start(bridge.connection);
  return await broker.ask(() => cancelAtBroker(bridge, command), command.waitMs);
}

async function cancelInOutbox(
  bridge: CancelBridge,
  command: Cancel,
  entry: OutboxEntry,
): Promise<Cancellation | undefined> {
  const { outbox, scheduler, log, name } = bridge;
  const cancelledAt = new Date().toISOString();
  // The outbox may have published the job since it was found.
  if (!outbox.cancel(entry.position, cancelledAt)) return await cancelAtBroker(bridge, command);
  scheduler.added();
  log.info('job cancelled in the outbox', jobFields(entry.job));
  // If NATS may have the job, a worker may still end the job in another way. For this reason the answer does not say
  // `cancelled` yet.
  const shown = entry.publication === 'unanswered' ? entry : { ...entry, cancelledAt };
  return { job: pendingJob(shown, name), tooLate: false };
}

/** How many jobs of one request are cancelled at the same time. */
const AT_ONCE = 25;

/**
 * Cancels many jobs. It does not wait for the ends of jobs that run. The messages of the others have been removed when the answer
 * comes, so that a full queue has room then.
 * @returns what became of each, in order: `broker-unavailable` for those that there was no time for
 */
export async function cancelJobs(
  bridge: BridgeParts,
  { tenant, jobIds }: Pick<CancelManyCommand, 'tenant' | 'jobIds'>,
): Promise<CancelOutcome[]> {
  const until = Date.now() + CANCEL_MANY_BUDGET_MS;
  const outcomes: CancelOutcome[] = [];
  // The list of consumers is large. Cancels that ask for it at the same time share it.
  const reads = new SharedReads<readonly ConsumerPlace[]>(1);
  const removals: Promise<void>[] = [];
  const sharing: CancelBridge = {
    ...bridge,
    onRemoval: (removal) => removals.push(removal),
    consumers: (session) => reads.read(tenant, 'consumers', () => consumersOfQueue(session)),
  };
  for (let from = 0; from < jobIds.length; from += AT_ONCE) {
    const some = jobIds.slice(from, from + AT_ONCE);
    if (Date.now() > until) {
      outcomes.push(...some.map(() => 'broker-unavailable' as const));
      continue;
    }
    const commands = some.map((jobId) => ({ tenant, jobId, waitMs: 0 }));
    outcomes.push(...(await Promise.all(commands.map((command) => outcomeOf(sharing, command)))));
  }
  await Promise.all(removals);
  return outcomes;
}

async function outcomeOf(bridge: CancelBridge, command: Cancel): Promise<CancelOutcome> {
  try {
    const cancellation = await cancelJob(bridge, command);
    if (cancellation === undefined) return 'job-unknown';
    if (cancellation.tooLate) return 'job-finished';
    return cancellation.job.state === 'cancelled' ? 'cancelled' : 'stopping';
  } catch (thrown) {
    const error = errorFrom(thrown);
    if (error.code === 'internal') bridge.log.error('a cancel failed', { reason: loggedReason(error) });
    return error.code;
  }
}
