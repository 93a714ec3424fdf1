import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import type { HistoryEvent } from '../../shared/api/answers/job-history.ts';
import { errorFrom, logReason } from '../../shared/error-table.ts';
import { EVENTS_STREAM } from '../../shared/nats/streams.ts';
import { pause, startTimer } from '../../shared/timers.ts';
import { SERVICE } from '../../shared/trace/semantics.ts';
import { readJobEvent } from '../../shared/wire/event-message.ts';
import { eventSubject } from '../../shared/wire/subjects.ts';
import { type History, type HistoryEnds, lastOf, readHistory } from '../jobs/history/job-history.ts';
import { recordedEvent } from '../jobs/history/subject-events.ts';
import type { BrokerAccess } from '../nats/broker-connection.ts';
import type { Logger } from '../telemetry/log.ts';
import { withService } from '../telemetry/service.ts';
import type { EventTail } from './event-tail.ts';
import { EventTexts } from './event-texts.ts';

/** The largest page that a reader gets. Pages are small, so that a slow caller costs little memory. */
export const WATCH_PAGE = { maxEvents: 64, maxBytes: 256 * 1024 } as const;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

/** Names a job whose events are followed. */
export interface WatchedJob {
  readonly tenant: string;
  readonly jobId: string;
}

/** What is known of a job's history when its watch starts. */
export interface HistoryStart {
  /** Where the history ends so far. */
  readonly ends: HistoryEnds;
  /** The page from the place of the first reader up to these ends. */
  readonly page?: { readonly after: number; readonly history: Promise<History> };
}

/** The next events of a job for one reader; `upTo` is where the next page starts. */
export interface WatchRead {
  readonly events: readonly HistoryEvent[];
  readonly upTo: number;
  /** No more events will come. */
  readonly ended: boolean;
}

/**
 * The watch of one job: one consumer of the `EVENTS` stream for all its readers in this bridge. If the connection is
 * lost, the watch goes on over the next one, after the last event that came. The watch gives only those events of
 * callbacks that were recorded before it started: most of the others come after the job's end, when the watch is over.
 */
export class JobWatch {
  /** The texts of the events, which all readers share. */
  readonly texts = new EventTexts();
  readonly #connection: BrokerAccess;
  readonly #log: Logger;
  readonly #job: WatchedJob;
  readonly #tail: EventTail;
  readonly #before: HistoryEnds;
  /** The last page of older events that was read. Readers who come at the same place get the same events. */
  #page: { readonly place: string; readonly history: Promise<History> } | undefined;
  readonly #sleepers = new Set<() => void>();
  readonly #hasStopped = Promise.withResolvers<void>();
  #stopped = false;

  private constructor(
    connection: BrokerAccess,
    log: Logger,
    job: WatchedJob,
    tail: EventTail,
    { ends, page }: HistoryStart,
  ) {
    this.#connection = connection;
    this.#log = log;
    this.#job = job;
    this.#tail = tail;
    this.#before = ends;
    if (page !== undefined) this.#keepPage(placeOf(page.after, ends), page.history);
  }

  /**
   * Starts a watch.
   * @param tail starts at the last event so far; older events are read from the stream
   */
  static start(
    connection: BrokerAccess,
    log: Logger,
    job: WatchedJob,
    tail: EventTail,
    start: HistoryStart,
  ): JobWatch {
    const watch = new JobWatch(connection, log, job, tail, start);
    // The watch belongs to no request, so its log lines must not carry the trace of the first reader.
    context.with(withService(ROOT_CONTEXT, SERVICE.bridge), () => void watch.#run());
    return watch;
  }

  /** The sequence of the last event that the watch knows. */
  get head(): number {
    return this.#tail.head;
  }

  /** Whether the job's end is known. */
  get ended(): boolean {
    return this.#tail.ended;
  }

  /**
   * The next events after `after`: one page of them; an empty page if there are none yet.
   * @throws ThroughlineError `broker-unavailable` if older events cannot be read now
   */
  async read(after: number): Promise<WatchRead> {
    const found = this.#tail.after(after);
    if (found === 'end') return { events: [], upTo: after, ended: true };
    if (found === 'older') {
      return { ...(await this.#readOlder(after)), ended: false };
    }
    const entries = found.entries.slice(0, WATCH_PAGE.maxEvents);
    const last = entries.at(-1)?.sequence ?? after;
    return {
      events: entries.map(({ event }) => event),
      upTo: entries.length < found.entries.length ? last : Math.max(last, this.#tail.head),
      ended: false,
    };
  }

  #readOlder(after: number): Promise<History> {
    const until = this.#recorded();
    const place = placeOf(after, until);
    if (this.#page?.place === place) return this.#page.history;
    const { tenant, jobId } = this.#job;
    const history = this.#connection.use((session) =>
      readHistory(session, tenant, jobId, { after, until, ...WATCH_PAGE }),
    );
    this.#keepPage(place, history);
    return history;
  }

  /** Keeps a page for readers who need the same one. A page that could not be read is dropped. */
  #keepPage(place: string, history: Promise<History>): void {
    const page = { place, history };
    this.#page = page;
    history.catch(() => {
      if (this.#page === page) this.#page = undefined;
    });
  }

  /** The end of the part of the history that is not in the tail. */
  #recorded(): HistoryEnds {
    const { floor } = this.#tail;
    return floor === lastOf(this.#before) ? this.#before : { ...this.#before, job: floor };
  }

  /** Resolves when there may be an event after `after`, when `ms` have passed, and when `lost` aborts. */
  async wait(after: number, ms: number, lost: AbortSignal): Promise<void> {
    if (this.#stopped || this.#tail.head > after || lost.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        timer.stop();
        this.#sleepers.delete(wake);
        lost.removeEventListener('abort', wake);
        resolve();
      };
      const timer = startTimer(ms, wake);
      this.#sleepers.add(wake);
      lost.addEventListener('abort', wake);
    });
  }

  /** Stops the watch, when its last reader has left. */
  stop(): void {
    this.#stopped = true;
    this.#hasStopped.resolve();
    this.#wake();
  }

  async #run(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    while (!this.#stopped && !this.#tail.ended) {
      try {
        await this.#follow();
        pauseMs = FIRST_PAUSE_MS;
      } catch (thrown) {
        const error = errorFrom(thrown);
        const fields = { job_id: this.#job.jobId, code: error.code, reason: logReason(error) };
        this.#log.warn('cannot follow a job now', fields);
        await Promise.race([pause(pauseMs), this.#hasStopped.promise]);
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      }
    }
  }

  /** Follows over one connection, until it is lost, the job has ended, or the watch is stopped. */
  async #follow(): Promise<void> {
    const over = Promise.withResolvers<void>();
    await this.#connection.use(async (session) => {
      const stop = await session.follow(EVENTS_STREAM, {
        subject: eventSubject(this.#job.tenant, this.#job.jobId),
        from: this.#tail.head + 1,
        take: ({ sequence, data }) => {
          const event = readJobEvent(data);
          this.#tail.push(sequence, data.length, event && recordedEvent(sequence, event));
          if (this.#tail.ended) over.resolve();
          this.#wake();
        },
        onLost: over.resolve,
      });
      const stopListening = session.lost.listen(over.resolve);
      await Promise.race([over.promise, this.#hasStopped.promise]);
      stopListening();
      stop();
    });
  }

  #wake(): void {
    for (const wake of [...this.#sleepers]) wake();
  }
}

function placeOf(after: number, { job, callback }: HistoryEnds): string {
  return `${after} ${job} ${callback}`;
}
