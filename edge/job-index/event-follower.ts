import { withDeadline } from '../../shared/deadline.ts';
import { ThroughlineError, unavailable } from '../../shared/errors.ts';
import { EVENTS_STREAM } from '../../shared/nats/streams.ts';
import { digestOf, type EventDigest } from '../../shared/wire/event-digest.ts';
import { readEventHeaders, readJobEvent } from '../../shared/wire/event-message.ts';
import { headerValues } from '../../shared/wire/headers.ts';
import { EVENT_SUBJECTS, parseEventSubject } from '../../shared/wire/subjects.ts';
import type { BrokerConnection } from '../nats/broker-connection.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import type { HeaderReader, StoredHeaders } from '../nats/header-reader.ts';
import type { StreamExtent } from '../nats/stored-message.ts';
import type { Logger } from '../telemetry/log.ts';
import { eventEntry, type IndexEntry } from './index-entry.ts';
import type { JobTable } from './job-table.ts';

/** Events that go into the table in one transaction. */
const BATCH = 500;
/** Events that may be read whole at the same time. */
const BODIES = 20;
/** A run that is longer ends with what it has; the next one goes on. */
const RUN_MS = 20_000;
/** A replica lags for milliseconds. */
const LAG_PAUSE_MS = 50;
const LAG_RETRIES = 10;
/** The server takes a reader away that nobody used for longer. */
const READER_IDLE_MS = 10_000;

interface OpenReader {
  readonly reader: HeaderReader;
  readonly session: BrokerSession;
  usedAt: number;
}

/** What an index follows the events with. */
export interface FollowerParts {
  readonly connection: BrokerConnection;
  readonly table: JobTable;
  readonly log: Logger;
  /** Whether this index is the one for a tenant's jobs. */
  readonly isOwn: (tenant: string) => boolean;
  /** Changes when {@link isOwn} does: all events are read again then. */
  readonly share: string;
}

/**
 * Brings the events of all jobs into the table, in runs: each asks how far the stream is, and reads what the table
 * has not, in batches that it asks for. Nothing is sent to an index that is not reading, so that neither a long
 * absence nor a flood of events costs memory, and nothing has to be kept open in between.
 */
export class EventFollower {
  readonly #parts: FollowerParts;
  #run: Promise<boolean> = Promise.resolve(true);
  #next: Promise<boolean> | undefined;
  #open: OpenReader | undefined;

  constructor(parts: FollowerParts) {
    this.#parts = parts;
  }

  /**
   * Waits until the table has every event that was stored before this call, at most `ms`; never throws.
   * @returns whether it has
   */
  async catchUp(ms: number): Promise<boolean> {
    try {
      return await withDeadline(this.#nextRun(), ms, () => unavailable('no answer in time'));
    } catch (thrown) {
      const { code, message } = ThroughlineError.from(thrown);
      this.#parts.log.warn('the index cannot follow the events now', { code, reason: message });
      return false;
    }
  }

  /** One run at a time: one that is under way may have asked too early, so whoever comes meanwhile shares the next. */
  #nextRun(): Promise<boolean> {
    this.#next ??= this.#run
      .catch(() => false)
      .then(() => {
        this.#next = undefined;
        this.#run = this.#follow();
        return this.#run;
      });
    return this.#next;
  }

  #follow(): Promise<boolean> {
    const { connection, table } = this.#parts;
    return connection.use(async (session) => {
      const extent = await session.extent(EVENTS_STREAM);
      this.#begin(extent);
      const until = Date.now() + RUN_MS;
      for (let lag = 0; table.place.sequence < extent.last; ) {
        if (Date.now() > until) return false;
        if (await this.#step(session)) lag = 0;
        else if (++lag <= LAG_RETRIES) await scheduler.wait(LAG_PAUSE_MS);
        else return await this.#isAllThereIs(session, extent);
      }
      return true;
    });
  }

  /**
   * A stream that was made anew, or brought back from an older copy, is read from its beginning: what the table has is
   * kept, and gives way to what is newer. What a stream has dropped by age is passed over.
   */
  #begin({ created, first, last }: StreamExtent): void {
    const { table, share } = this.#parts;
    const source = `${created} ${share}`;
    const { source: known, sequence: reached } = table.place;
    const isAnew = source !== known || last < reached;
    const sequence = Math.max(isAnew ? 0 : reached, first - 1);
    if (!isAnew && sequence === reached) return;
    this.#close();
    table.place = { source, sequence };
  }

  /** Where the last events were deleted, the stream's leader knows of none behind those that were read. */
  async #isAllThereIs(session: BrokerSession, { last }: StreamExtent): Promise<boolean> {
    const { table } = this.#parts;
    const { source, sequence } = table.place;
    if ((await session.nextMessage(EVENTS_STREAM, '>', sequence + 1)) !== undefined) return false;
    table.place = { source, sequence: last };
    return true;
  }

  /** One batch. @returns whether there was anything */
  async #step(session: BrokerSession): Promise<boolean> {
    const { table } = this.#parts;
    try {
      const reader = await this.#reader(session);
      const messages = await reader.next(BATCH);
      const last = messages.at(-1);
      if (last === undefined) return false;
      const entries = await this.#entries(session, messages);
      table.follow(entries, { source: table.place.source, sequence: last.sequence });
      return true;
    } catch (thrown) {
      this.#close();
      throw thrown;
    }
  }

  /** What the events say; few at a time, since some may have to be read whole. */
  async #entries(session: BrokerSession, messages: readonly StoredHeaders[]): Promise<IndexEntry[]> {
    const entries: IndexEntry[] = [];
    for (let from = 0; from < messages.length; from += BODIES) {
      const some = messages.slice(from, from + BODIES).map((message) => this.#entry(session, message));
      for (const entry of await Promise.all(some)) if (entry !== undefined) entries.push(entry);
    }
    return entries;
  }

  async #entry(session: BrokerSession, message: StoredHeaders): Promise<IndexEntry | undefined> {
    const job = parseEventSubject(message.subject);
    if (job === undefined || !this.#parts.isOwn(job.tenant)) return undefined;
    const digest = readEventHeaders(headerValues(message.headers)) ?? (await readBody(session, message));
    return digest && eventEntry(job, digest, message.time.getTime());
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

/** The body of an event whose headers do not say enough; of a later one of this job where it is not there any more. */
async function readBody(
  session: BrokerSession,
  { subject, sequence }: StoredHeaders,
): Promise<EventDigest | undefined> {
  const message = await session.nextMessage(EVENTS_STREAM, subject, sequence);
  const event = message && readJobEvent(message.data);
  return event && digestOf(event);
}
