import { isTerminalEvent, type JobEvent } from '../../shared/job/event.ts';
import type { JobKey } from '../../shared/job/job-address.ts';
import type { Carrier } from '../../shared/propagation/index.ts';
import { writeEventHeaders, writeJobEvent } from '../../shared/wire/event-message.ts';
import { idPerRedrive } from '../../shared/wire/redrive.ts';
import { eventSubject } from '../../shared/wire/subjects.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import { BRIDGE_SOURCE } from './publish-job.ts';

/**
 * Publishes an event that a bridge writes: the end of a job, or its redrive.
 * @param lastSequence the sequence of the job's last event; 0: the job has no event. NATS refuses the write if the last event is another
 * @param carrier the trace that the event belongs to
 * @returns false if another event was recorded since, or if this event was stored before
 * @throws ThroughlineError see {@link BrokerSession.publish}
 */
export function publishEvent(
  session: BrokerSession,
  { tenant, jobId }: JobKey,
  event: JobEvent,
  lastSequence: number,
  carrier: Carrier,
): Promise<boolean> {
  const what = isTerminalEvent(event) ? 'end' : event.kind;
  const ids = { messageId: idPerRedrive(`${jobId}:${what}`, event.redriveCount), source: BRIDGE_SOURCE };
  return session.publishAfter(
    lastSequence,
    eventSubject(tenant, jobId),
    (set) => writeEventHeaders(event, ids, carrier, set),
    writeJobEvent(event),
  );
}
