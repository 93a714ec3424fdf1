import type { HistoryEvent, JobHistory } from '../../../shared/api/answers/job-history.ts';
import { EVENTS_PAGE_LIMIT } from '../../../shared/api/page-limits.ts';
import { unknownJob } from '../../../shared/errors.ts';
import { attemptsOf } from '../../../shared/job/attempts.ts';
import { isCallbackEvent } from '../../../shared/job/job-state.ts';
import { EVENTS_STREAM } from '../../../shared/nats/streams.ts';
import { readCallbackEvent, readJobEvent } from '../../../shared/wire/event-message.ts';
import { callbackEventSubject, eventSubject } from '../../../shared/wire/subjects.ts';
import type { HistoryCommand } from '../../calls/commands.ts';
import type { BrokerSession } from '../../nats/broker-session.ts';
import type { StoredMessage } from '../../nats/stored-message.ts';
import {
  type FoundJob,
  foundIn,
  lastEventMessage,
  lookUpJob,
  readJob,
  readStoredEvent,
} from '../job-reader.ts';
import {
  type EventsRange,
  type FoundEvent,
  type SubjectPart,
  startReadingSubject,
} from './subject-events.ts';

/** The limits of one answer with events. While an event is read and sent, it takes about ten times its size in memory. */
const PAGE = { maxEvents: EVENTS_PAGE_LIMIT, maxBytes: 256 * 1024 } as const;
/** How many events are read for the attempts of a job. */
const ATTEMPTS_PAGE = { maxEvents: 1_000, maxBytes: 4 * 1024 * 1024 } as const;

/**
 * The recorded events of a job, oldest first: one page of them.
 * @throws ThroughlineError `job-unknown`, `broker-unavailable`
 */
export async function readJobHistory(
  session: BrokerSession,
  { tenant, jobId, after }: Pick<HistoryCommand, 'tenant' | 'jobId' | 'after'>,
): Promise<JobHistory> {
  const read = startReading(session, tenant, jobId, { after, ...PAGE });
  const { ends, last } = await readEnds(session, tenant, jobId);
  if (readStoredEvent(last) === undefined) {
    if ((await readJob(session, tenant, jobId)) !== undefined) return { events: [] };
    throw unknownJob(jobId);
  }
  const { events, upTo } = await read(ends);
  return upTo < lastOf(ends) ? { events, next: String(upTo) } : { events };
}

/**
 * A job with its attempts, as far as the first 1,000 events hold them.
 * @returns undefined when there is no such job
 * @throws ThroughlineError `broker-unavailable`
 */
export async function readJobWithAttempts(
  session: BrokerSession,
  tenant: string,
  jobId: string,
): Promise<FoundJob | undefined> {
  const read = startReadingJob(session, tenant, jobId, { after: 0, ...ATTEMPTS_PAGE });
  const lookup = await lookUpJob(session, tenant, jobId);
  const found = foundIn(lookup);
  if (found === undefined) return undefined;
  const { job, fingerprint } = found;
  if (job.state === 'queued') return { job: { ...job, attempts: [] }, fingerprint };
  const events = (await read(lookup.last?.sequence ?? 0)).found.map(({ event }) => event);
  const attempts = attemptsOf(events.filter((event) => !isCallbackEvent(event)));
  return { job: { ...job, attempts }, fingerprint };
}

/** Where a job's history ends: the sequences of its last event, and of the last event of its callback; 0: none. */
export interface HistoryEnds {
  readonly job: number;
  readonly callback: number;
}

interface HistoryRange extends EventsRange {
  /** The last events that exist. No event up to them may be missing. */
  readonly until: HistoryEnds;
}

/** A part of a history that was read. */
export interface History {
  readonly events: readonly HistoryEvent[];
  /** Everything up to this sequence has been read. */
  readonly upTo: number;
}

/** The sequence of the last event of a history. */
export function lastOf({ job, callback }: HistoryEnds): number {
  return Math.max(job, callback);
}

/**
 * Where a job's history ends now, and its last event. If an event of the callback is later than the job's last event, the latter is
 * read again, so that a reader who goes on after both has missed no event of the job.
 * @throws ThroughlineError `broker-unavailable`
 */
export async function readEnds(
  session: BrokerSession,
  tenant: string,
  jobId: string,
): Promise<{ readonly ends: HistoryEnds; readonly last: StoredMessage | undefined }> {
  const [callback, first] = await Promise.all([
    session.lastMessage(EVENTS_STREAM, callbackEventSubject(tenant, jobId)),
    lastEventMessage(session, tenant, jobId),
  ]);
  const isLater = (callback?.sequence ?? 0) > (first?.sequence ?? 0);
  const last = isLater ? await lastEventMessage(session, tenant, jobId) : first;
  return { ends: { job: last?.sequence ?? 0, callback: callback?.sequence ?? 0 }, last };
}

/**
 * The events of a job and its callbacks within a range, in order. No other events are read.
 * @throws ThroughlineError `broker-unavailable`
 */
export async function readHistory(
  session: BrokerSession,
  tenant: string,
  jobId: string,
  { until, ...range }: HistoryRange,
): Promise<History> {
  return await startReading(session, tenant, jobId, range)(until);
}

/**
 * Begins to read a history whose end is not known yet, so that the end can be asked for in the same round trip. The first page
 * may be older than the end: events that it lacks are asked for again.
 * @returns a function that reads up to the end, and throws as {@link readHistory}. If it is never called, errors are dropped
 */
export function startReading(
  session: BrokerSession,
  tenant: string,
  jobId: string,
  range: EventsRange,
): (until: HistoryEnds) => Promise<History> {
  const readJobEvents = startReadingJob(session, tenant, jobId, range);
  const subject = callbackEventSubject(tenant, jobId);
  const readCallbackEvents = startReadingSubject(session, subject, readCallbackEvent, range);
  return async (until) => {
    const parts = await Promise.all([readJobEvents(until.job), readCallbackEvents(until.callback)]);
    // If the page of one subject ended early, the page of the other subject ends there too, so that no event is skipped.
    const upTo = Math.min(
      ...parts.filter(({ whole }) => !whole).map((part) => part.upTo),
      Math.max(range.after, lastOf(until)),
    );
    const events = parts
      .flatMap((part): readonly FoundEvent[] => part.found)
      .filter(({ sequence }) => sequence <= upTo)
      .sort((a, b) => a.sequence - b.sequence)
      .map(({ event }) => event);
    return { events, upTo };
  };
}

function startReadingJob(
  session: BrokerSession,
  tenant: string,
  jobId: string,
  range: EventsRange,
): (until: number) => Promise<SubjectPart> {
  return startReadingSubject(session, eventSubject(tenant, jobId), readJobEvent, range);
}
