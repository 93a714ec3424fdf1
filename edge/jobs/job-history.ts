import { unknownJob } from '../../shared/errors.ts';
import { attemptsOf } from '../../shared/job/attempts.ts';
import { type CallbackEvent, isCallbackEvent } from '../../shared/job/callback-event.ts';
import type { JobEvent } from '../../shared/job/event.ts';
import { type HistoryEvent, type JobHistory, recordedEvent } from '../../shared/job/event-record.ts';
import type { Job } from '../../shared/job/job.ts';
import { EVENTS_STREAM } from '../../shared/nats/streams.ts';
import { readCallbackEvent, readJobEvent } from '../../shared/wire/event-message.ts';
import { callbackEventSubject, eventSubject } from '../../shared/wire/subjects.ts';
import type { HistoryCommand } from '../calls/commands.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import type { StoredMessage } from '../nats/stored-message.ts';
import { readJob, readStoredEvent } from './job-reader.ts';

/** The limits of one answer with events: an event takes about ten times its size while it is read and answered. */
const PAGE = { maxEvents: 250, maxBytes: 256 * 1024 } as const;
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
  const { ends, last } = await readEnds(session, tenant, jobId);
  if (readStoredEvent(last) === undefined) {
    if ((await readJob(session, tenant, jobId)) !== undefined) return { events: [] };
    throw unknownJob(jobId);
  }
  const { events, upTo } = await readHistory(session, tenant, jobId, { after, until: ends, ...PAGE });
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
): Promise<Job | undefined> {
  const job = await readJob(session, tenant, jobId);
  if (job === undefined || job.state === 'queued') return job && { ...job, attempts: [] };
  const last = await session.lastMessage(EVENTS_STREAM, eventSubject(tenant, jobId));
  const until = { job: last?.sequence ?? 0, callback: 0 };
  const { events } = await readHistory(session, tenant, jobId, { after: 0, until, ...ATTEMPTS_PAGE });
  return { ...job, attempts: attemptsOf(events.filter((event) => !isCallbackEvent(event))) };
}

/** Where a job's history ends: the sequences of its last event, and of the last event of its callback; 0: none. */
export interface HistoryEnds {
  readonly job: number;
  readonly callback: number;
}

interface HistoryRange {
  /** Only events after this sequence. */
  readonly after: number;
  /** The last events that exist. No event up to them may be missing. */
  readonly until: HistoryEnds;
  readonly maxEvents: number;
  readonly maxBytes: number;
}

export interface History {
  readonly events: readonly HistoryEvent[];
  /** Everything up to this sequence has been read. */
  readonly upTo: number;
}

/** A replica may lag for some milliseconds. If an event does not come after that, the stream has dropped it. */
const LAG_RETRIES = 5;
const LAG_PAUSE_MS = 50;

/** The sequence of the last event of a history. */
export function lastOf({ job, callback }: HistoryEnds): number {
  return Math.max(job, callback);
}

/**
 * Where a job's history ends now, and its last event. The callback's end is read first, so that a reader who goes on
 * after both has missed no event of the job.
 * @throws ThroughlineError `broker-unavailable`
 */
export async function readEnds(
  session: BrokerSession,
  tenant: string,
  jobId: string,
): Promise<{ readonly ends: HistoryEnds; readonly last: StoredMessage | undefined }> {
  const callback = await session.lastMessage(EVENTS_STREAM, callbackEventSubject(tenant, jobId));
  const last = await session.lastMessage(EVENTS_STREAM, eventSubject(tenant, jobId));
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
  const parts = await Promise.all([
    readSubject(session, eventSubject(tenant, jobId), readJobEvent, { ...range, until: until.job }),
    readSubject(session, callbackEventSubject(tenant, jobId), readCallbackEvent, {
      ...range,
      until: until.callback,
    }),
  ]);
  // If the page of one subject ended early, the page of the other subject ends there too, so that no event is skipped.
  const upTo = Math.min(
    ...parts.filter(({ whole }) => !whole).map((part) => part.upTo),
    Math.max(range.after, lastOf(until)),
  );
  const events = parts
    .flatMap((part): readonly Found[] => part.found)
    .filter(({ sequence }) => sequence <= upTo)
    .sort((a, b) => a.sequence - b.sequence)
    .map(({ event }) => event);
  return { events, upTo };
}

interface Found {
  readonly sequence: number;
  readonly event: HistoryEvent;
}

interface SubjectRange extends Omit<HistoryRange, 'until'> {
  readonly until: number;
}

/** Reads page after page of one subject. */
async function readSubject(
  session: BrokerSession,
  subject: string,
  read: (body: Uint8Array) => JobEvent | CallbackEvent | undefined,
  { after, until, maxEvents, maxBytes }: SubjectRange,
): Promise<{ readonly found: readonly Found[]; readonly upTo: number; readonly whole: boolean }> {
  const found: Found[] = [];
  let upTo = after;
  let bytes = 0;
  for (let lag = 0; upTo < until && found.length < maxEvents && bytes < maxBytes; ) {
    const { messages } = await session.page(EVENTS_STREAM, {
      subject,
      from: upTo + 1,
      maxMessages: maxEvents - found.length,
      maxBytes: maxBytes - bytes,
    });
    const wanted = messages.filter(({ sequence }) => sequence <= until);
    for (const { sequence, data } of wanted) {
      const event = read(data);
      if (event !== undefined) found.push({ sequence, event: recordedEvent(sequence, event) });
      bytes += data.length;
      upTo = sequence;
    }
    // The page skipped the events up to `until`, so the stream has dropped them.
    if (wanted.length < messages.length) upTo = until;
    if (messages.length > 0) continue;
    if (++lag > LAG_RETRIES) upTo = until;
    else await scheduler.wait(LAG_PAUSE_MS);
  }
  return { found, upTo, whole: upTo >= until };
}
