import { SharedReads } from '../../shared/collections/shared-reads.ts';
import { ThroughlineError, unknownJob } from '../../shared/errors.ts';
import { isTerminalEvent } from '../../shared/job/event.ts';
import type { JobKey } from '../../shared/job/job-address.ts';
import { eventSubject } from '../../shared/wire/subjects.ts';
import { type HistoryEnds, lastOf, readEnds, startReading } from '../jobs/history/job-history.ts';
import { readJob, readStoredEvent } from '../jobs/job-reader.ts';
import type { BrokerAccess } from '../nats/broker-connection.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { Logger } from '../telemetry/log.ts';
import { EventTail } from './event-tail.ts';
import { type HistoryStart, JobWatch, WATCH_PAGE } from './job-watch.ts';
import { type PlaceRequest, StreamPlaces } from './stream-places.ts';

/** How many events of a watched job stay in memory. A reader that needs older events reads the stream. */
const TAIL = { events: 256, bytes: 1024 * 1024 } as const;

const NO_ENDS: HistoryEnds = { job: 0, callback: 0 };

/** Where a watch starts. */
interface Start extends HistoryStart {
  readonly hasEnded: boolean;
}

/** A reader of a job's events. */
interface Reader extends JobKey {
  /** The sequence that it has the events up to. */
  readonly after: number;
}

interface Shared {
  readonly watch: JobWatch;
  readers: number;
}

/** A reader's share of a watch. */
export interface WatchLease {
  readonly watch: JobWatch;
  /** Gives the share back; safe to call twice. */
  readonly release: () => void;
  /** Aborts when another reader gets the place of this one. */
  readonly lost: AbortSignal;
}

/** The jobs that are watched through this bridge: one watch for each job, as long as it has readers. */
export class JobWatches {
  readonly #connection: BrokerAccess;
  readonly #log: Logger;
  readonly #outbox: Pick<Outbox, 'findPending' | 'rejected'>;
  readonly #watches = new Map<string, Shared>();
  readonly #places = new StreamPlaces();
  readonly #starts = new SharedReads<Start>();

  constructor(connection: BrokerAccess, log: Logger, outbox: Pick<Outbox, 'findPending' | 'rejected'>) {
    this.#connection = connection;
    this.#log = log;
    this.#outbox = outbox;
  }

  /** How many jobs are watched now. */
  get size(): number {
    return this.#watches.size;
  }

  /** How many readers each tenant has now. */
  get readers(): ReadonlyMap<string, number> {
    return this.#places.byTenant;
  }

  /**
   * Joins the watch of a job, or starts one.
   * @param limit how many readers the tenant may have at the same time
   * @throws ThroughlineError `too-many-streams`, `job-unknown`, `broker-unavailable`
   */
  async join(request: PlaceRequest & Reader, limit: number): Promise<WatchLease> {
    const { tenant, jobId, after } = request;
    const lost = new AbortController();
    const leave = this.#places.take(request, limit, () => lost.abort());
    try {
      const { watch, release } = await this.#join({ tenant, jobId }, after);
      return {
        watch,
        lost: lost.signal,
        release: () => {
          release();
          leave();
        },
      };
    } catch (thrown) {
      leave();
      throw thrown;
    }
  }

  async #join(job: JobKey, after: number): Promise<Pick<WatchLease, 'watch' | 'release'>> {
    const key = eventSubject(job.tenant, job.jobId);
    if (!this.#isLive(key)) {
      const start = await this.#starts.read(job.tenant, job.jobId, () => this.#readStart({ ...job, after }));
      // Another reader may have started the watch meanwhile, or watch the same end of the job.
      const hasAll = this.#isLive(key) || this.#watches.get(key)?.watch.head === lastOf(start.ends);
      if (!hasAll) this.#start(key, job, start);
    }
    const shared = this.#watches.get(key);
    if (shared === undefined) throw new ThroughlineError('internal', 'the watch is gone');
    shared.readers++;
    let released = false;
    const release = (): void => {
      if (released) return;
      released = true;
      if (--shared.readers > 0) return;
      shared.watch.stop();
      if (this.#watches.get(key) === shared) this.#watches.delete(key);
    };
    return { watch: shared.watch, release };
  }

  /** A watch that has ended does not see a job that was redriven since. */
  #isLive(key: string): boolean {
    return this.#watches.get(key)?.watch.ended === false;
  }

  #start(key: string, job: JobKey, start: Start): void {
    const tail = new EventTail(lastOf(start.ends), start.hasEnded, TAIL);
    const watch = JobWatch.start(this.#connection, this.#log, job, tail, start);
    this.#watches.set(key, { watch, readers: 0 });
  }

  /**
   * Reads where a watch of the job starts, and at the same time the first page that this reader needs. Readers who share this read
   * but are at another place ask for a page of their own.
   * @throws ThroughlineError `job-unknown`, `broker-unavailable`
   */
  async #readStart({ tenant, jobId, after }: Reader): Promise<Start> {
    // A job in the outbox has no events yet. They come when NATS can be reached.
    if (this.#outbox.findPending(tenant, jobId) !== undefined) return { ends: NO_ENDS, hasEnded: false };
    return await this.#connection.use(async (session) => {
      const readPage = startReading(session, tenant, jobId, { after, ...WATCH_PAGE });
      const { ends, last } = await readEnds(session, tenant, jobId);
      const isKnown = last !== undefined || (await readJob(session, tenant, jobId)) !== undefined;
      if (!isKnown && this.#outbox.rejected.findByJob(tenant, jobId) === undefined) {
        throw unknownJob(jobId);
      }
      const event = readStoredEvent(last);
      const history = this.#connection.useSession(session, () => readPage(ends));
      // Another reader may have started the watch meanwhile. Then nobody reads this page.
      history.catch(() => undefined);
      const hasEnded = event !== undefined && isTerminalEvent(event);
      return { ends, hasEnded, page: { after, history } };
    });
  }
}
