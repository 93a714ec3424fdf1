import { isTerminalEvent, type JobEvent } from '../../shared/job/event.ts';
import { DELAYED_STREAM, JOBS_STREAM } from '../../shared/nats/streams.ts';
import { delayedSubject, jobSubjectFilter } from '../../shared/wire/subjects.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import { lastEvent, ofMessage } from './job-reader.ts';
import type { OutgoingJob } from './outgoing-job.ts';

/** What NATS knows of a job that it may have. */
export interface BrokerStanding {
  /** Its message waits in the queue, or for its time. */
  readonly isStored: boolean;
  readonly isEnded: boolean;
  readonly event: JobEvent | undefined;
  /** Digest of the request that the job there came from. */
  readonly fingerprint: string | undefined;
}

/**
 * Asks in this order: before its time, in the queue, what happened. A job leaves each of these only for the next, and
 * its end is recorded before its message goes, so one that is in none of them was never there, or NATS forgot it.
 * @throws ThroughlineError `broker-unavailable`
 */
export async function standingOf(session: BrokerSession, job: OutgoingJob): Promise<BrokerStanding> {
  const { tenant, jobId, dueAt } = job;
  const message =
    // A server before 2.12 has no such stream.
    (dueAt && (await session.lastMessage(DELAYED_STREAM, delayedSubject(job), true))) ||
    (await session.lastMessage(JOBS_STREAM, jobSubjectFilter(tenant, jobId)));
  const event = await lastEvent(session, tenant, jobId);
  return {
    isStored: message !== undefined,
    isEnded: event !== undefined && isTerminalEvent(event),
    event,
    fingerprint: event?.fingerprint ?? (message && ofMessage(jobId, message).fingerprint),
  };
}
