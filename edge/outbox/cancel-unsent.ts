import { context } from '@opentelemetry/api';
import { unavailable } from '../../shared/errors.ts';
import { isTerminalEvent } from '../../shared/job/event.ts';
import { extract, fromRecord, inject } from '../../shared/propagation/index.ts';
import { writeEventHeaders } from '../../shared/wire/event-message.ts';
import { writeJson } from '../../shared/wire/json-body.ts';
import { eventSubject } from '../../shared/wire/subjects.ts';
import { storeCallbackTask } from '../jobs/callback-task.ts';
import { type CancelParts, cancelAtBroker } from '../jobs/cancel-at-broker.ts';
import { lastEvent } from '../jobs/job-reader.ts';
import type { OutgoingJob } from '../jobs/outgoing-job.ts';
import { BRIDGE_SOURCE } from '../jobs/publish-job.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import { cancelledInOutbox } from './pending-job.ts';

/**
 * Records the end of a job that was cancelled while the outbox had it. If NATS has the job after all, it is cancelled
 * there. Safe to repeat.
 * @param at when it was cancelled, RFC 3339
 * @throws ThroughlineError `broker-unavailable`
 */
export async function cancelUnsent(
  parts: CancelParts,
  session: BrokerSession,
  job: OutgoingJob,
  at: string,
): Promise<void> {
  const { tenant, jobId, carrier } = job;
  if ((await cancelAtBroker(parts, { tenant, jobId, waitMs: 0, carrier })) !== undefined) return;
  const event = cancelledInOutbox(parts.name, job, at);
  const ownTrace = inject(extract(fromRecord(carrier), context.active()).context);
  // There is no message that could send the callback later, so it is stored before the end is.
  await storeCallbackTask(session, tenant, job.spec.callback, event, ownTrace);
  const isStored = await session.publishAfter(
    0,
    eventSubject(tenant, jobId),
    (set) => writeEventHeaders(event, { messageId: `${jobId}:end`, source: BRIDGE_SOURCE }, ownTrace, set),
    writeJson(event),
  );
  if (isStored) return;
  const last = await lastEvent(session, tenant, jobId);
  if (last === undefined || !isTerminalEvent(last)) throw unavailable('the end of the job was not stored');
}
