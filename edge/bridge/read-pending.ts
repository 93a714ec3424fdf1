import type { Job } from '../../shared/job/job.ts';
import { readJob } from '../jobs/job-reader.ts';
import { BrokerReach } from '../nats/broker-reach.ts';
import { pendingJob } from '../outbox/pending-job.ts';
import type { BridgeParts } from './bridge-parts.ts';

/**
 * A job that the outbox has. Where it was sent and NATS did not say whether it has it, NATS is asked now.
 * @returns undefined where NATS is the one to ask: the outbox does not have it, or NATS has it too
 */
export async function readPending(
  { outbox, connection, name }: Pick<BridgeParts, 'outbox' | 'connection' | 'name'>,
  tenant: string,
  jobId: string,
): Promise<Job | undefined> {
  const entry = outbox.find(tenant, jobId);
  if (entry === undefined) return undefined;
  if (entry.tries > 0 && entry.reason === undefined) {
    const reach = await BrokerReach.of(connection);
    if ((await reach.ask((session) => readJob(session, tenant, jobId))) !== undefined) return undefined;
  }
  return { ...pendingJob(entry, name), attempts: [] };
}
