import { type JobEvent, jobLinks, jobOfEvent } from '../../shared/event.ts';
import type { Job } from '../../shared/job.ts';
import { extract, fromNatsHeaders } from '../../shared/propagation/index.ts';
import { EVENTS_STREAM, JOBS_STREAM } from '../../shared/streams.ts';
import { eventSubject, jobSubjectFilter, parseJobSubject } from '../../shared/subjects.ts';
import { headerValues, readJobEvent, readJobLimits } from '../../shared/wire.ts';
import type { BrokerSession, StoredMessage } from './broker-session.ts';

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

/**
 * A job as it stands: from its last event, else from the queue.
 * @returns undefined when there is no such job
 * @throws ThroughlineError `broker-unavailable`
 */
export async function readJob(
  session: BrokerSession,
  tenant: string,
  jobId: string,
): Promise<Job | undefined> {
  const event = await lastEvent(session, tenant, jobId);
  if (event !== undefined) return jobOfEvent(event);
  const queued = await readQueuedJob(session, tenant, jobId);
  if (queued !== undefined) return queued;
  // Between the two looks the job may have left the queue, and then its event is there.
  const ended = await lastEvent(session, tenant, jobId);
  return ended === undefined ? undefined : jobOfEvent(ended);
}

async function readQueuedJob(
  session: BrokerSession,
  tenant: string,
  jobId: string,
): Promise<Job | undefined> {
  const message = await session.lastMessage(JOBS_STREAM, jobSubjectFilter(tenant, jobId));
  return message === undefined ? undefined : jobOfMessage(message, jobId);
}

/** The queued job that this message is. */
export function jobOfMessage(message: StoredMessage, jobId: string): Job {
  const { acceptedAt, maxAttempts } = readJobLimits(headerValues(message.headers));
  const { spanContext } = extract(fromNatsHeaders(message.headers));
  return {
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
}
