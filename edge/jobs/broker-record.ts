import { ThroughlineError } from '../../shared/errors.ts';
import { isTerminalEvent, type JobEvent, jobOfEvent } from '../../shared/job/event.ts';
import type { Job } from '../../shared/job/job.ts';
import { eventOfRedrive } from '../../shared/job/redrive.ts';
import { EVENTS_STREAM } from '../../shared/nats/streams.ts';
import { headerValues } from '../../shared/wire/headers.ts';
import { readRedrive } from '../../shared/wire/redrive.ts';
import { eventSubject } from '../../shared/wire/subjects.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import type { StoredMessage } from '../nats/stored-message.ts';
import { delayedMessage, jobOfMessage, queuedMessage, readStoredEvent } from './job-reader.ts';
import type { OutgoingJob } from './outgoing-job.ts';

/** What NATS knows of a job. */
export interface BrokerRecord {
  /** The message of the job in `JOBS`; undefined if the job is not in the queue. */
  readonly queued: StoredMessage | undefined;
  /** The message of a delayed job in `DELAYED`; undefined if the job is due, or never had a delay. */
  readonly delayed: StoredMessage | undefined;
  /** The last event of the job; undefined if nothing has happened since the job was submitted or redriven. */
  readonly event: JobEvent | undefined;
  /** The sequence of the last message on the event subject of the job; 0 if there is no such message. */
  readonly lastSequence: number;
}

/**
 * Looks for a job that NATS may have, in the order in which a job moves: `DELAYED`, the queue, the events. The end of a
 * job is recorded before its message is removed. If all three are empty, the job was never published, or NATS has
 * forgotten the job.
 * @throws ThroughlineError `record-unreadable`, `broker-unavailable`
 */
export async function readRecord(session: BrokerSession, job: OutgoingJob): Promise<BrokerRecord> {
  const { tenant, jobId, spec } = job;
  const delayed = spec.dueAt === undefined ? undefined : await delayedMessage(session, tenant, jobId);
  const queued = delayed === undefined ? await queuedMessage(session, tenant, jobId) : undefined;
  const stored = await session.lastMessage(EVENTS_STREAM, eventSubject(tenant, jobId));
  return { queued, delayed, event: readStoredEvent(stored), lastSequence: stored?.sequence ?? 0 };
}

/**
 * Looks for a job by its id alone. The queue is read before the events. A job that has left the queue always has an
 * event, because the end of a job is recorded before its message is removed.
 * @returns undefined when there is no such job
 * @throws ThroughlineError `record-unreadable`, `broker-unavailable`
 */
export async function findRecord(
  session: BrokerSession,
  { tenant, jobId }: { readonly tenant: string; readonly jobId: string },
): Promise<BrokerRecord | undefined> {
  const queued = await queuedMessage(session, tenant, jobId);
  const stored = await session.lastMessage(EVENTS_STREAM, eventSubject(tenant, jobId));
  const event = readStoredEvent(stored);
  const record = { queued, delayed: undefined, event, lastSequence: stored?.sequence ?? 0 };
  if (queued !== undefined) return { ...record, event: eventOfRedrive(event, redriveCountOf(queued)) };
  if (event !== undefined) return record;
  const delayed = await delayedMessage(session, tenant, jobId);
  return delayed && { ...record, delayed };
}

/** Whether NATS has a message of the job, in the queue or in `DELAYED`. */
export function isStored({ queued, delayed }: BrokerRecord): boolean {
  return queued !== undefined || delayed !== undefined;
}

/** Whether the end of the job is recorded. */
export function isEnded({ event }: BrokerRecord): boolean {
  return event !== undefined && isTerminalEvent(event);
}

/** Returns the fingerprint of the request that submitted the job; undefined if that request had no idempotency key. */
export function fingerprintOf({ event, queued, delayed }: BrokerRecord): string | undefined {
  const message = queued ?? delayed;
  return event?.fingerprint ?? (message && jobOfMessage(message).fingerprint);
}

/** Returns the job as its caller sees it. */
export function jobOfRecord(record: BrokerRecord): Job {
  return record.event === undefined ? jobOfMessage(messageOf(record)).job : jobOfEvent(record.event);
}

/** Returns the message of a job that has no event. @throws ThroughlineError `internal` if there is no message either */
export function messageOf({ queued, delayed }: BrokerRecord): StoredMessage {
  const message = queued ?? delayed;
  if (message !== undefined) return message;
  throw new ThroughlineError('internal', 'NATS has neither a message nor an event of the job');
}

function redriveCountOf({ headers }: StoredMessage): number {
  return readRedrive(headerValues(headers))?.redriveCount ?? 0;
}
