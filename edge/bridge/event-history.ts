import { type RecordedEvent, recordedEvent } from '../../shared/event-record.ts';
import { EVENTS_STREAM } from '../../shared/streams.ts';
import { eventSubject } from '../../shared/subjects.ts';
import { readJobEvent } from '../../shared/wire.ts';
import type { BrokerSession } from './broker-session.ts';

export interface HistoryRange {
  /** Only events behind this sequence. */
  readonly after: number;
  /** The sequence of an event that is there: up to it, nothing may be missing. */
  readonly until: number;
  readonly maxEvents: number;
  readonly maxBytes: number;
}

export interface History {
  readonly events: readonly RecordedEvent[];
  /** Everything up to this sequence has been read. */
  readonly upTo: number;
}

/** A replica lags for milliseconds; an event that never comes has aged out of the stream. */
const LAG_RETRIES = 5;
const LAG_PAUSE_MS = 50;

/**
 * What was recorded of a job within a range, in order, page after page; its cost is that of those events.
 * @throws ThroughlineError `broker-unavailable`
 */
export async function readHistory(
  session: BrokerSession,
  tenant: string,
  jobId: string,
  { after, until, maxEvents, maxBytes }: HistoryRange,
): Promise<History> {
  const subject = eventSubject(tenant, jobId);
  const events: RecordedEvent[] = [];
  let upTo = after;
  let bytes = 0;
  for (let lag = 0; upTo < until && events.length < maxEvents && bytes < maxBytes; ) {
    const { messages } = await session.page(EVENTS_STREAM, {
      subject,
      from: upTo + 1,
      maxMessages: maxEvents - events.length,
      maxBytes: maxBytes - bytes,
    });
    const wanted = messages.filter(({ sequence }) => sequence <= until);
    for (const { sequence, data } of wanted) {
      const event = readJobEvent(data);
      if (event !== undefined) events.push(recordedEvent(sequence, event));
      bytes += data.length;
      upTo = sequence;
    }
    // Later ones without it: it is not there any more.
    if (wanted.length < messages.length) upTo = until;
    if (messages.length > 0) continue;
    if (++lag > LAG_RETRIES) upTo = until;
    else await scheduler.wait(LAG_PAUSE_MS);
  }
  return { events, upTo };
}
