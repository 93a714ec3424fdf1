import { errorFrom } from '../../shared/error-table.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import { type AcceptedJob, jobWithoutEvents } from '../../shared/job/accepted-job.ts';
import { type JobEvent, jobOfEvent } from '../../shared/job/event.ts';
import type { Job } from '../../shared/job/job.ts';
import { DELAYED_STREAM, EVENTS_STREAM, JOBS_STREAM } from '../../shared/nats/streams.ts';
import { extract, fromNatsHeaders } from '../../shared/propagation/index.ts';
import { readJobEvent } from '../../shared/wire/event-message.ts';
import { headerValues } from '../../shared/wire/headers.ts';
import { readJobSpec } from '../../shared/wire/job-headers.ts';
import { readAcceptedAt } from '../../shared/wire/job-message.ts';
import { readRedrive } from '../../shared/wire/redrive.ts';
import {
  delayedSubjectFilter,
  eventSubject,
  jobSubjectFilter,
  parseJobSubject,
} from '../../shared/wire/subjects.ts';
import type { BrokerSession, MessageReads } from '../nats/broker-session.ts';
import type { StoredMessage } from '../nats/stored-message.ts';

/**
 * The number of attempts to show for a job whose message does not name a number, until a worker has recorded an event.
 */
const UNKNOWN_ATTEMPTS = 1;

/**
 * The event in a stored message; undefined if there is no message.
 * @throws ThroughlineError `record-unreadable` if the message is not an event. Then nobody knows what happened to the job
 */
export function readStoredEvent(message: StoredMessage | undefined): JobEvent | undefined {
  if (message === undefined) return undefined;
  const event = readJobEvent(message.data);
  if (event !== undefined) return event;
  const cause = new Error(`message ${message.sequence} of ${EVENTS_STREAM} is not an event`);
  throw new ThroughlineError('record-unreadable', 'the last event of the job cannot be read', { cause });
}

/** For `catch`: gives undefined in place of the error `record-unreadable`. @throws any other error */
export function ignoreUnreadable(thrown: unknown): undefined {
  if (errorFrom(thrown).code !== 'record-unreadable') throw thrown;
}

/**
 * Returns the last event of a job; undefined if the job has no event yet.
 * @throws ThroughlineError `record-unreadable`, `broker-unavailable`
 */
export async function lastEvent(
  session: MessageReads,
  tenant: string,
  jobId: string,
): Promise<JobEvent | undefined> {
  return readStoredEvent(await lastEventMessage(session, tenant, jobId));
}

/** The message of a job's last event; undefined if the job has no event yet. @throws ThroughlineError `broker-unavailable` */
export function lastEventMessage(
  session: MessageReads,
  tenant: string,
  jobId: string,
): Promise<StoredMessage | undefined> {
  return session.lastMessage(EVENTS_STREAM, eventSubject(tenant, jobId));
}

/** A job, and the fingerprint of its request if that request had an idempotency key. */
export interface FoundJob {
  readonly job: Job;
  readonly fingerprint: string | undefined;
}

/**
 * Reads a job.
 * @returns undefined when there is no such job
 * @throws ThroughlineError `record-unreadable`, `broker-unavailable`
 */
export async function readJob(
  session: BrokerSession,
  tenant: string,
  jobId: string,
): Promise<Job | undefined> {
  return (await findJob(session, tenant, jobId))?.job;
}

/** What NATS answered about a job: its last event, and its message in the queue or in `DELAYED`. */
export interface JobLookup {
  readonly last: StoredMessage | undefined;
  readonly message: StoredMessage | undefined;
}

/**
 * Looks for a job everywhere at once, in one round trip: its last event, the queue, `DELAYED`. A job that moves meanwhile may be
 * seen nowhere. So if nothing was found, the queue and the events are read again, since jobs move there.
 * @throws ThroughlineError `broker-unavailable`
 */
export async function lookUpJob(session: BrokerSession, tenant: string, jobId: string): Promise<JobLookup> {
  const [last, queued, delayed] = await Promise.all([
    lastEventMessage(session, tenant, jobId),
    queuedMessage(session, tenant, jobId),
    delayedMessage(session, tenant, jobId),
  ]);
  if (last !== undefined || queued !== undefined || delayed !== undefined)
    return { last, message: queued ?? delayed };
  const message = await queuedMessage(session, tenant, jobId);
  return {
    last: message === undefined ? await lastEventMessage(session, tenant, jobId) : undefined,
    message,
  };
}

/**
 * Looks for a job.
 * @returns undefined when there is no such job
 * @throws ThroughlineError `record-unreadable`, `broker-unavailable`
 */
export async function findJob(
  session: BrokerSession,
  tenant: string,
  jobId: string,
): Promise<FoundJob | undefined> {
  return foundIn(await lookUpJob(session, tenant, jobId));
}

/** The job of a lookup; undefined when there is no such job. @throws ThroughlineError `record-unreadable` */
export function foundIn({ last, message }: JobLookup): FoundJob | undefined {
  const event = readStoredEvent(last);
  if (event !== undefined) return { job: jobOfEvent(event), fingerprint: event.fingerprint };
  return message && jobOfMessage(message);
}

/** Reads the message of a job in the queue. @throws ThroughlineError `broker-unavailable` */
export function queuedMessage(
  session: MessageReads,
  tenant: string,
  jobId: string,
): Promise<StoredMessage | undefined> {
  return session.lastMessage(JOBS_STREAM, jobSubjectFilter(tenant, jobId));
}

/**
 * Reads the message of a delayed job that is not due yet, or became due a moment ago.
 * @throws ThroughlineError `broker-unavailable`
 */
export function delayedMessage(
  session: MessageReads,
  tenant: string,
  jobId: string,
): Promise<StoredMessage | undefined> {
  // A nats-server that cannot delay jobs has no stream `DELAYED`.
  return session.lastMessage(DELAYED_STREAM, delayedSubjectFilter(tenant, jobId), true);
}

/** Returns the job of a message in `JOBS` or `DELAYED`. Call this only for a job without events. */
export function jobOfMessage(message: StoredMessage): FoundJob {
  const job = acceptedJobOfMessage(message);
  const traceId = extract(fromNatsHeaders(message.headers)).spanContext?.traceId ?? '';
  return { job: jobWithoutEvents(job, { durability: 'stream', traceId }), fingerprint: job.spec.fingerprint };
}

/** Returns the job as its message describes it. A header that cannot be read is ignored. */
export function acceptedJobOfMessage({ subject, headers, time }: StoredMessage): AcceptedJob {
  const values = headerValues(headers);
  const spec = readJobSpec(values);
  const { jobId = '', operation = '' } = parseJobSubject(subject) ?? {};
  return {
    jobId,
    operation,
    acceptedAt: readAcceptedAt(values) ?? time.toISOString(),
    spec: { ...spec, maxAttempts: spec.maxAttempts ?? UNKNOWN_ATTEMPTS },
    redrive: readRedrive(values),
  };
}
