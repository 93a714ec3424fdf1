import { type JobEvent, jobLinks, jobOfEvent } from '../../shared/event.ts';
import type { Job } from '../../shared/job.ts';
import { extract, fromNatsHeaders } from '../../shared/propagation/index.ts';
import { EVENTS_STREAM, JOBS_STREAM } from '../../shared/streams.ts';
import { eventSubject, jobSubjectFilter, parseJobSubject } from '../../shared/subjects.ts';
import { headerValues, readJobEvent, readJobLimits } from '../../shared/wire.ts';
import type { BrokerSession } from './broker-session.ts';

/** Attempts of a job whose message says nothing of them, until a worker has seen it. */
const UNKNOWN_ATTEMPTS = 1;

/** The last event of a job, or undefined when nothing has happened to it yet. @throws ThroughlineError */
export async function lastEvent(
  session: BrokerSession,
  tenant: string,
  jobId: string,
): Promise<JobEvent | undefined> {
  const message = await session.lastMessage(EVENTS_STREAM, eventSubject(tenant, jobId));
  return message === undefined ? undefined : readJobEvent(message.data);
}

/** A job, and the digest of the request it came from, where it came with an idempotency key. */
export interface FoundJob {
  readonly job: Job;
  readonly fingerprint: string | undefined;
}

/** A job as it stands, or undefined when there is none. @throws ThroughlineError `broker-unavailable` */
export async function readJob(
  session: BrokerSession,
  tenant: string,
  jobId: string,
): Promise<Job | undefined> {
  return (await findJob(session, tenant, jobId))?.job;
}

/**
 * Looks a job up: in its last event, else in the queue.
 * @returns undefined when there is no such job
 * @throws ThroughlineError `broker-unavailable`
 */
export async function findJob(
  session: BrokerSession,
  tenant: string,
  jobId: string,
): Promise<FoundJob | undefined> {
  const event = await lastEvent(session, tenant, jobId);
  if (event !== undefined) return ofEvent(event);
  const queued = await readQueuedJob(session, tenant, jobId);
  if (queued !== undefined) return queued;
  // Between the two looks the job may have left the queue, and then its event is there.
  const ended = await lastEvent(session, tenant, jobId);
  return ended === undefined ? undefined : ofEvent(ended);
}

function ofEvent(event: JobEvent): FoundJob {
  return { job: jobOfEvent(event), fingerprint: event.fingerprint };
}

async function readQueuedJob(
  session: BrokerSession,
  tenant: string,
  jobId: string,
): Promise<FoundJob | undefined> {
  const message = await session.lastMessage(JOBS_STREAM, jobSubjectFilter(tenant, jobId));
  if (message === undefined) return undefined;
  const { acceptedAt, maxAttempts, fingerprint } = readJobLimits(headerValues(message.headers));
  const { spanContext } = extract(fromNatsHeaders(message.headers));
  const job: Job = {
    id: jobId,
    operation: parseJobSubject(message.subject)?.operation ?? '',
    state: 'queued',
    attempt: 0,
    maxAttempts: maxAttempts ?? UNKNOWN_ATTEMPTS,
    durability: 'stream',
    acceptedAt: acceptedAt ?? message.time.toISOString(),
    traceId: spanContext?.traceId ?? '',
    links: jobLinks(jobId),
  };
  return { job, fingerprint };
}
