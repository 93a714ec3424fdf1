import { attemptsOf } from '../../shared/attempts.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import type { JobHistory } from '../../shared/event-record.ts';
import type { Job } from '../../shared/job.ts';
import { EVENTS_STREAM } from '../../shared/streams.ts';
import { eventSubject } from '../../shared/subjects.ts';
import type { BrokerSession } from './broker-session.ts';
import type { WatchCommand } from './commands.ts';
import { readHistory } from './event-history.ts';
import { readJob } from './job-reader.ts';

/** What one answer may hold; a call between the edge and a bridge takes 32 MiB. */
const PAGE = { maxEvents: 1_000, maxBytes: 4 * 1024 * 1024 } as const;

/**
 * What is recorded of a job, oldest first, at most a page of it.
 * @throws ThroughlineError `job-unknown`, `broker-unavailable`
 */
export async function readJobHistory(
  session: BrokerSession,
  { tenant, jobId, after }: Pick<WatchCommand, 'tenant' | 'jobId' | 'after'>,
): Promise<JobHistory> {
  const last = await session.lastMessage(EVENTS_STREAM, eventSubject(tenant, jobId));
  if (last === undefined) {
    if ((await readJob(session, tenant, jobId)) !== undefined) return { events: [] };
    throw new ThroughlineError('job-unknown', 'no job of yours has this id');
  }
  const until = last.sequence;
  const { events, upTo } = await readHistory(session, tenant, jobId, { after, until, ...PAGE });
  return upTo < until ? { events, next: String(upTo) } : { events };
}

/**
 * A job as it stands, with its attempts, as far as the first page of its history tells of them.
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
  const { events } = await readJobHistory(session, { tenant, jobId, after: 0 });
  return { ...job, attempts: attemptsOf(events) };
}
