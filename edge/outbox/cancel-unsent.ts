import { context } from '@opentelemetry/api';
import { unavailable } from '../../shared/errors.ts';
import { isTerminalEvent } from '../../shared/job/event.ts';
import { inject } from '../../shared/propagation/index.ts';
import { storeCallbackTask } from '../jobs/callback-task.ts';
import { type CancelParts, cancelAtBroker } from '../jobs/cancel-at-broker.ts';
import { lastEvent } from '../jobs/job-reader.ts';
import type { OutgoingJob } from '../jobs/outgoing-job.ts';
import { publishEvent } from '../jobs/publish-event.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import { cancelledInOutbox } from './pending-job.ts';

/**
 * Records the end of a job that was cancelled while it was in the outbox. If NATS has the job after all, the job is
 * cancelled at NATS. A second call changes nothing. Call this in the trace of the job.
 * @param at when the job was cancelled, RFC 3339
 * @throws ThroughlineError `broker-unavailable`
 */
export async function cancelUnsent(
  parts: CancelParts,
  session: BrokerSession,
  job: OutgoingJob,
  at: string,
): Promise<void> {
  const { tenant, jobId } = job;
  const found = await cancelAtBroker(parts, { tenant, jobId, waitMs: 0 }, ({ outboxReads }) => outboxReads);
  if (found !== undefined) return;
  const event = cancelledInOutbox(parts.name, job, at);
  const ownTrace = inject(context.active());
  // The job has no message, so no worker could store the callback later. The callback is stored before the end of the
  // job.
  await storeCallbackTask(session, tenant, job.spec.callback, event, ownTrace);
  if (await publishEvent(session, job, event, 0, ownTrace)) return;
  const last = await lastEvent(session.outboxReads, tenant, jobId);
  if (last === undefined || !isTerminalEvent(last)) throw unavailable('the end of the job was not stored');
}
