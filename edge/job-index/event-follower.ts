import { withDeadline } from '../../shared/deadline.ts';
import { errorFrom, loggedReason } from '../../shared/error-table.ts';
import { unavailable } from '../../shared/errors.ts';
import { EVENTS_STREAM } from '../../shared/nats/streams.ts';
import { readEventHeaders, readJobEvent } from '../../shared/wire/event-message.ts';
import { type EventSummary, eventSummaryOf } from '../../shared/wire/event-summary.ts';
import { headerValues } from '../../shared/wire/headers.ts';
import { EVENT_SUBJECTS, parseEventSubject } from '../../shared/wire/subjects.ts';
import { indexName } from '../calls/index-commands.ts';
import type { BrokerAccess } from '../nats/broker-connection.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import type { HeaderReader, StoredHeaders } from '../nats/header-reader.ts';
import type { StreamExtent } from '../nats/stored-message.ts';
import type { Logger } from '../telemetry/log.ts';
import { dayOf, eventEntry, type IndexChange } from './index-entry.ts';
import type { JobTable } from './job-table.ts';
import type { StoredPart } from './stored-table.ts';

/** How many events go into the table in one transaction. */
const BATCH = 500;
/** How many event bodies may be read at the same time. */
const BODIES = 20;
/** A run ends after this time. The next run continues after the last event that was read. */
const RUN_MS = 20_000;
/** The pause before the next read from a replica of the stream that is behind. Replicas are behind for milliseconds. */
const LAG_PAUSE_MS = 50;
const LAG_RETRIES = 10;
/** The header with which NATS says how large the body of a message is that it sends without it. */
const BODY_BYTES = 'Nats-Msg-Size';
/** A reader that was not used for this long is opened again, because the server may have removed its consumer. */
const READER_IDLE_MS = 10_000;

interface OpenReader {
  readonly reader: HeaderReader;
  readonly session: BrokerSession;
  usedAt: number;
}

/** What the follower needs from its job index. */
interface FollowerParts {
  readonly connection: BrokerAccess;
  readonly table: JobTable;
  readonly log: Logger;
  /** The name of this job index. */
  readonly name: string;
  /** How many job indexes there are. */
  readonly shards: number;
}

/**
 * Copies the events of this index's jobs into the job table, in runs. Each run asks for the last sequence of the
 * stream, and reads the events that the table does not have, batch by batch. The follower receives only what it asks
 * for. For this reason many events cost no memory, and no connection has to stay open between two runs.
 */
export class EventFollower {
  readonly #parts: FollowerParts;
  #current: Promise<boolean> = Promise.resolve(true);
  #next: Promise<boolean> | undefined;
  #open: OpenReader | undefined;

  constructor(parts: FollowerParts) {
    this.#parts = parts;
  }

  /**
   * Waits until the table has every event that was stored before this call, but at most `ms` milliseconds. Never
   * throws.
   * @returns whether the table has all these events
   */
  async catchUp(ms: number): Promise<boolean> {
    try {
      return await withDeadline(this.#nextRun(), ms, () => unavailable('no answer in time'));
    } catch (thrown) {
      const error = errorFrom(thrown);
      const fields = { code: error.code, reason: loggedReason(error) };
      this.#parts.log.warn('the index cannot follow the events now', fields);
      return false;
    }
  }

  /**
   * Starts a run after the current one. Calls during a run share the next run, since the current run may miss the
   * newest events.
   */
  #nextRun(): Promise<boolean> {
    this.#next ??= this.#current
      .catch(() => false)
      .then(() => {
        this.#next = undefined;
        this.#current = this.#follow();
        return this.#current;
      });
    return this.#next;
  }

  #follow(): Promise<boolean> {
    const { connection, table } = this.#parts;
    return connection.use(async (session) => {
      const extent = await session.extent(EVENTS_STREAM);
      this.#moveToStart(extent);
      const until = Date.now() + RUN_MS;
      for (let lag = 0; table.place.sequence < extent.last; ) {
        if (Date.now() > until) return false;
        if (await this.#step(session)) lag = 0;
        else if (++lag <= LAG_RETRIES) await scheduler.wait(LAG_PAUSE_MS);
        else return await this.#isAtEnd(session, extent);
      }
      return true;
    });
  }

  /**
   * Sets the sequence after which this run reads. The run reads from the first event if the stream was created again or
   * restored from an older copy, or if the number of indexes has changed. Events that the stream has dropped are
   * skipped.
   */
  #moveToStart({ created, first, firstMs, last }: StreamExtent): void {
    const { table, name, shards } = this.#parts;
    const source = `${created} ${name} of ${shards}`;
    const { source: known, sequence: reached } = table.place;
    const isOther = source !== known || last < reached;
    table.forgetStored(isOther || first > last ? dayOf(Date.now()) + 1 : dayOf(firstMs));
    const sequence = Math.max(isOther ? 0 : reached, first - 1);
    if (!isOther && sequence === reached) return;
    this.#close();
    table.place = { source, sequence };
  }

  /**
   * Whether no event is left to read, because the last events of the stream were deleted. If so, marks all events
   * as read.
   */
  async #isAtEnd(session: BrokerSession, { last }: StreamExtent): Promise<boolean> {
    const { table } = this.#parts;
    const { source, sequence } = table.place;
    if ((await session.nextMessage(EVENTS_STREAM, '>', sequence + 1)) !== undefined) return false;
    table.place = { source, sequence: last };
    return true;
  }

  /** Reads one batch of events. @returns whether the batch had any event */
  async #step(session: BrokerSession): Promise<boolean> {
    const { table } = this.#parts;
    try {
      const reader = await this.#reader(session);
      const messages = await reader.next(BATCH);
      const last = messages.at(-1);
      if (last === undefined) return false;
      const stored: StoredPart[] = [];
      const entries = await this.#entries(session, messages, stored);
      table.follow(entries, { source: table.place.source, sequence: last.sequence }, stored);
      return true;
    } catch (thrown) {
      this.#close();
      throw thrown;
    }
  }

  /**
   * Makes the table's entries for these events. Only a few events are handled at a time, since some bodies may have to
   * be read.
   * @param stored gets what is stored of the events
   */
  async #entries(
    session: BrokerSession,
    messages: readonly StoredHeaders[],
    stored: StoredPart[],
  ): Promise<IndexChange[]> {
    const entries: IndexChange[] = [];
    for (let from = 0; from < messages.length; from += BODIES) {
      const some = messages
        .slice(from, from + BODIES)
        .map((message) => this.#entry(session, message, stored));
      for (const entry of await Promise.all(some)) if (entry !== undefined) entries.push(entry);
    }
    return entries;
  }

  async #entry(
    session: BrokerSession,
    message: StoredHeaders,
    stored: StoredPart[],
  ): Promise<IndexChange | undefined> {
    const job = parseEventSubject(message.subject);
    const { name, shards } = this.#parts;
    if (job === undefined || indexName(job.tenant, shards) !== name) return undefined;
    const values = headerValues(message.headers);
    const storedMs = message.time.getTime();
    // NATS adds its header behind those of the producer, which may have the same name.
    stored.push([job.tenant, dayOf(storedMs), message.size + Number(values(BODY_BYTES).at(-1) ?? 0)]);
    const summary = readEventHeaders(values) ?? (await readBody(session, message));
    if (summary !== undefined) return eventEntry(job, summary, storedMs);
    return { tenant: job.tenant, id: job.jobId, isUnreadable: true };
  }

  async #reader(session: BrokerSession): Promise<HeaderReader> {
    const now = Date.now();
    if (this.#open?.session === session && now - this.#open.usedAt < READER_IDLE_MS) {
      this.#open.usedAt = now;
      return this.#open.reader;
    }
    this.#close();
    const reader = await session.readHeaders(EVENTS_STREAM, {
      subject: EVENT_SUBJECTS,
      from: this.#parts.table.place.sequence + 1,
    });
    this.#open = { reader, session, usedAt: now };
    return reader;
  }

  #close(): void {
    this.#open?.reader.stop();
    this.#open = undefined;
  }
}

/**
 * Reads the body of an event whose headers do not say enough. If that event is gone, the next event of the same job is
 * read.
 */
async function readBody(
  session: BrokerSession,
  { subject, sequence }: StoredHeaders,
): Promise<EventSummary | undefined> {
  const message = await session.nextMessage(EVENTS_STREAM, subject, sequence);
  const event = message && readJobEvent(message.data);
  return event && eventSummaryOf(event);
}
