import type { CallbackEvent } from '../../shared/job/callback-event.ts';
import type { JobEvent } from '../../shared/job/event.ts';
import { type HistoryEvent, recordedEvent } from '../../shared/job/event-record.ts';
import { EVENTS_STREAM } from '../../shared/nats/streams.ts';
import { readCallbackEvent, readJobEvent } from '../../shared/wire/event-message.ts';
import { callbackEventSubject, eventSubject } from '../../shared/wire/subjects.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import type { StoredMessage } from '../nats/stored-message.ts';

/** Where a job's history ends: the sequences of its last event, and of the last one of its callback; 0: none. */
export interface HistoryEnds {
  readonly job: number;
  readonly callback: number;
}

export interface HistoryRange {
  /** Only events behind this sequence. */
  readonly after: number;
  /** Events that are there: up to them, nothing may be missing. */
  readonly until: HistoryEnds;
  readonly maxEvents: number;
  readonly maxBytes: number;
}

export interface History {
  readonly events: readonly HistoryEvent[];
  /** Everything up to this sequence has been read. */
  readonly upTo: number;
}

/** A replica lags for milliseconds; an event that never comes has aged out of the stream. */
const LAG_RETRIES = 5;
const LAG_PAUSE_MS = 50;

/** The sequence of the last event of a history, whatever it is about. */
export function lastOf({ job, callback }: HistoryEnds): number {
  return Math.max(job, callback);
}

/**
 * Where a job's history ends now, and its last event. The callback's end is read first: whatever happened to the job
 * before it is found then, so that whoever goes on behind both has missed nothing.
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
 * What was recorded of a job and its callbacks within a range, in order; its cost is that of those events.
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
  // Where the page of one ended too early, the other's ends there as well: nothing may be skipped.
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

/** Page after page of one subject. */
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
    // Later ones without it: it is not there any more.
    if (wanted.length < messages.length) upTo = until;
    if (messages.length > 0) continue;
    if (++lag > LAG_RETRIES) upTo = until;
    else await scheduler.wait(LAG_PAUSE_MS);
  }
  return { found, upTo, whole: upTo >= until };
}
