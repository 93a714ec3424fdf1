import { ThroughlineError } from '../../shared/errors.ts';
import { isTerminalEvent, type JobEvent, jobOfEvent } from '../../shared/job/event.ts';
import type { Job } from '../../shared/job/job.ts';
import type { JobKey } from '../../shared/job/job-address.ts';
import { eventOfRedrive } from '../../shared/job/redrive.ts';
import { headerValues } from '../../shared/wire/headers.ts';
import { readRedrive } from '../../shared/wire/redrive.ts';
import type { BrokerSession, MessageReads } from '../nats/broker-session.ts';
import type { StoredMessage } from '../nats/stored-message.ts';
import {
  delayedMessage,
  jobOfMessage,
  lastEventMessage,
  queuedMessage,
  readStoredEvent,
} from './job-reader.ts';
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
 * Looks for a job of the outbox that NATS may have, in the order in which a job moves: `DELAYED`, the queue, the events. The end of a
 * job is recorded before its message is removed. If all three are empty, the job was never published, or NATS has
 * forgotten the job. With an idempotency key, NATS may have the job of an earlier request, delayed although this one is not.
 * @throws ThroughlineError `record-unreadable`, `broker-unavailable`
 */
export async function readRecord({ outboxReads }: BrokerSession, job: OutgoingJob): Promise<BrokerRecord> {
  const { tenant, jobId, spec } = job;
  const mayBeDelayed = spec.dueAt !== undefined || spec.fingerprint !== undefined;
  const delayed = mayBeDelayed ? await delayedMessage(outboxReads, tenant, jobId) : undefined;
  const queued = delayed === undefined ? await queuedMessage(outboxReads, tenant, jobId) : undefined;
  return recordOf(await lastEventMessage(outboxReads, tenant, jobId), { queued, delayed });
}

/**
 * Looks for a job by its id alone, everywhere at once. A job moves from `DELAYED` to the queue, and from there to its end, which is
 * recorded before its message is removed. A job that moves meanwhile may be seen where it was before, or nowhere. So if the job is
 * not in the queue and has not ended, the queue and the events are read again.
 * @returns undefined when there is no such job
 * @throws ThroughlineError `record-unreadable`, `broker-unavailable`
 */
export async function findRecord(
  session: MessageReads,
  { tenant, jobId }: JobKey,
): Promise<BrokerRecord | undefined> {
  const [queued, last, delayed] = await Promise.all([
    queuedMessage(session, tenant, jobId),
    lastEventMessage(session, tenant, jobId),
    delayedMessage(session, tenant, jobId),
  ]);
  if (queued !== undefined) return inQueue(queued, last);
  const seen = recordOf(last, { delayed });
  if (isEnded(seen) || (delayed !== undefined && last === undefined)) return seen;
  const due = await queuedMessage(session, tenant, jobId);
  const later = await lastEventMessage(session, tenant, jobId);
  if (due !== undefined) return inQueue(due, later);
  return later === undefined && delayed === undefined ? undefined : recordOf(later, { delayed });
}

/** The record of a job in the queue. If a redrive sent the message, an earlier end does not count. */
function inQueue(queued: StoredMessage, last: StoredMessage | undefined): BrokerRecord {
  const record = recordOf(last, { queued });
  return { ...record, event: eventOfRedrive(record.event, redriveCountOf(queued)) };
}

function recordOf(
  last: StoredMessage | undefined,
  { queued, delayed }: Partial<Pick<BrokerRecord, 'queued' | 'delayed'>>,
): BrokerRecord {
  return { queued, delayed, event: readStoredEvent(last), lastSequence: last?.sequence ?? 0 };
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

/**
 * Whether a job may come from a request with this fingerprint. A job without a fingerprint may: a worker in another language
 * may leave it out of its events.
 * @param found the fingerprint of the job
 */
export function mayBeSameRequest(found: string | undefined, fingerprint: string | undefined): boolean {
  return found === undefined || fingerprint === undefined || found === fingerprint;
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
