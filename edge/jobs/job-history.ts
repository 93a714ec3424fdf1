import { ThroughlineError } from '../../shared/errors.ts';
import { attemptsOf } from '../../shared/job/attempts.ts';
import { isCallbackEvent } from '../../shared/job/callback-event.ts';
import type { JobHistory } from '../../shared/job/event-record.ts';
import type { Job } from '../../shared/job/job.ts';
import { EVENTS_STREAM } from '../../shared/nats/streams.ts';
import { eventSubject } from '../../shared/wire/subjects.ts';
import type { WatchCommand } from '../calls/commands.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import { lastOf, readEnds, readHistory } from './event-history.ts';
import { readJob } from './job-reader.ts';

/** The limits of one answer. A call between the edge and a bridge takes at most 32 MiB. */
const PAGE = { maxEvents: 1_000, maxBytes: 4 * 1024 * 1024 } as const;

/**
 * The recorded events of a job, oldest first: one page of them.
 * @throws ThroughlineError `job-unknown`, `broker-unavailable`
 */
export async function readJobHistory(
  session: BrokerSession,
  { tenant, jobId, after }: Pick<WatchCommand, 'tenant' | 'jobId' | 'after'>,
): Promise<JobHistory> {
  const { ends, last } = await readEnds(session, tenant, jobId);
  if (last === undefined) {
    if ((await readJob(session, tenant, jobId)) !== undefined) return { events: [] };
    throw new ThroughlineError('job-unknown', 'no job of yours has this id');
  }
  const { events, upTo } = await readHistory(session, tenant, jobId, { after, until: ends, ...PAGE });
  return upTo < lastOf(ends) ? { events, next: String(upTo) } : { events };
}

/**
 * A job with its attempts, as far as the first page of its history holds them.
 * @returns undefined when there is no such job
 * @throws ThroughlineError `broker-unavailable`
 */
export async function readJobWithAttempts(
  session: BrokerSession,
  tenant: string,
  jobId: string,
): Promise<Job | undefined> {
  const job = await readJob(session, tenant, jobId);
  if (job === undefined || job.state === 'queued') return job && { ...job, attempts: [] };
  const last = await session.lastMessage(EVENTS_STREAM, eventSubject(tenant, jobId));
  const until = { job: last?.sequence ?? 0, callback: 0 };
  const { events } = await readHistory(session, tenant, jobId, { after: 0, until, ...PAGE });
  return { ...job, attempts: attemptsOf(events.filter((event) => !isCallbackEvent(event))) };
}
