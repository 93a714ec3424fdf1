import { context } from '@opentelemetry/api';
import { unavailable } from '../../shared/errors.ts';
import { isTerminalEvent } from '../../shared/job/event.ts';
import { extract, fromRecord, inject } from '../../shared/propagation/index.ts';
import { writeEventHeaders } from '../../shared/wire/event-message.ts';
import { writeJson } from '../../shared/wire/json-body.ts';
import { eventSubject } from '../../shared/wire/subjects.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import { sendCallback } from './callback.ts';
import { type CancelParts, cancel } from './cancel.ts';
import { lastEvent } from './job-reader.ts';
import { cancelledInOutbox, type OutgoingJob } from './outgoing-job.ts';

const SOURCE = '/throughline/bridge';

/**
 * Records the end of a job that was cancelled while the outbox had it; where NATS has the job after all, cancels it
 * there. Safe to repeat.
 * @throws ThroughlineError `broker-unavailable`
 */
export async function cancelUnsent(
  parts: CancelParts,
  session: BrokerSession,
  job: OutgoingJob,
  at: string,
): Promise<void> {
  const { tenant, jobId, carrier } = job;
  if ((await cancel(parts, { tenant, jobId, waitMs: 0, carrier })) !== undefined) return;
  const event = cancelledInOutbox(parts.name, job, at);
  const own = inject(extract(fromRecord(carrier), context.active()).context);
  // There is no message that could bring its callback up again: that must be safe before its end is.
  await sendCallback(session, tenant, job.callback, event, own);
  const isStored = await session.publishAfter(
    0,
    eventSubject(tenant, jobId),
    (set) => writeEventHeaders(event, { messageId: `${jobId}:end`, source: SOURCE }, own, set),
    writeJson(event),
  );
  if (isStored) return;
  const last = await lastEvent(session, tenant, jobId);
  if (last === undefined || !isTerminalEvent(last)) throw unavailable('the end of the job was not stored');
}
