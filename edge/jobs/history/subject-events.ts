import type { HistoryEvent } from '../../../shared/api/answers/job-history.ts';
import type { CallbackEvent } from '../../../shared/job/callback-event.ts';
import type { JobEvent } from '../../../shared/job/event.ts';
import { EVENTS_STREAM } from '../../../shared/nats/streams.ts';
import type { BrokerSession } from '../../nats/broker-session.ts';
import type { SubjectPage } from '../../nats/subject-page.ts';

/** A replica may lag for some milliseconds. If an event does not come after that, the stream has dropped it. */
const LAG_RETRIES = 6;
const LAG_PAUSE_MS = 50;

/** A part of the events, whose end is not known yet. */
export interface EventsRange {
  /** Only events after this sequence. */
  readonly after: number;
  readonly maxEvents: number;
  readonly maxBytes: number;
}

/** An event, and the sequence with which it is stored. */
export interface FoundEvent {
  readonly sequence: number;
  readonly event: HistoryEvent;
}

/** The events of one subject that were read. */
export interface SubjectPart {
  readonly found: readonly FoundEvent[];
  /** Everything up to this sequence has been read. */
  readonly upTo: number;
  /** Whether that is all up to the end that was asked for. */
  readonly whole: boolean;
}

type ReadEvent = (body: Uint8Array) => JobEvent | CallbackEvent | undefined;
type AskPage = (range: EventsRange) => Promise<SubjectPage>;

/**
 * Reads page after page of one subject. The first page is asked for immediately.
 * @returns a function that reads up to the end; if it is never called, errors are dropped
 */
export function startReadingSubject(
  session: BrokerSession,
  subject: string,
  read: ReadEvent,
  range: EventsRange,
): (until: number) => Promise<SubjectPart> {
  const ask: AskPage = ({ after, maxEvents, maxBytes }) =>
    session.page(EVENTS_STREAM, { subject, from: after + 1, maxMessages: maxEvents, maxBytes });
  const first = ask(range);
  // Nobody waits for the page if the end cannot be read.
  first.catch(() => undefined);
  return (until) => readPages({ first, ask }, read, { ...range, until });
}

/** @param pages the first page, which was asked for already, and how to ask for others */
async function readPages(
  { first, ask }: { readonly first: Promise<SubjectPage>; readonly ask: AskPage },
  read: ReadEvent,
  { after, until, maxEvents, maxBytes }: EventsRange & { readonly until: number },
): Promise<SubjectPart> {
  const found: FoundEvent[] = [];
  let upTo = after;
  let bytes = 0;
  let lag = 0;
  let page: Promise<SubjectPage> | undefined = first;
  while (upTo < until && found.length < maxEvents && bytes < maxBytes) {
    const room = { maxEvents: maxEvents - found.length, maxBytes: maxBytes - bytes };
    const { messages } = await (page ?? ask({ after: upTo, ...room }));
    page = undefined;
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
    // The first page may be older than the end.
    if (++lag > LAG_RETRIES) upTo = until;
    else if (lag > 1) await scheduler.wait(LAG_PAUSE_MS);
  }
  return { found, upTo, whole: upTo >= until };
}

/** The event that is stored with this sequence. */
export function recordedEvent<E extends JobEvent | CallbackEvent>(
  sequence: number,
  event: E,
): E & { id: string } {
  return { id: String(sequence), ...event };
}
