import { ThroughlineError } from '../../shared/errors.ts';
import { isTerminalEvent } from '../../shared/job/event.ts';
import { readJobEvent } from '../../shared/wire/event-message.ts';
import { eventSubject } from '../../shared/wire/subjects.ts';
import { type HistoryEnds, lastOf, readEnds } from '../jobs/event-history.ts';
import { readJob } from '../jobs/job-reader.ts';
import type { BrokerConnection } from '../nats/broker-connection.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { Logger } from '../telemetry/log.ts';
import { EventTail } from './event-tail.ts';
import { JobWatch, type WatchedJob } from './job-watch.ts';
import { StreamPlaces } from './stream-places.ts';

/** Kept of each watched job in memory; a reader that falls behind them reads the stream. */
const TAIL = { events: 256, bytes: 1024 * 1024 } as const;

const NO_ENDS: HistoryEnds = { job: 0, callback: 0 };

interface Shared {
  readonly watch: JobWatch;
  readers: number;
}

/** A reader's hold on a watch. */
export interface WatchLease {
  readonly watch: JobWatch;
  /** Lets go; safe to call twice. */
  readonly release: () => void;
}

/** The jobs that are watched through this bridge: one watch per job, there as long as somebody reads it. */
export class JobWatches {
  readonly #connection: BrokerConnection;
  readonly #log: Logger;
  readonly #outbox: Pick<Outbox, 'find'>;
  readonly #watches = new Map<string, Shared>();
  readonly #places: StreamPlaces;

  /** @param perTenant how many readers a tenant may have at a time */
  constructor(connection: BrokerConnection, log: Logger, outbox: Pick<Outbox, 'find'>, perTenant: number) {
    this.#connection = connection;
    this.#log = log;
    this.#outbox = outbox;
    this.#places = new StreamPlaces(perTenant);
  }

  /** Jobs that are watched now. */
  get size(): number {
    return this.#watches.size;
  }

  /**
   * Joins the watch of a job, or begins one.
   * @throws ThroughlineError `too-many-streams`, `job-unknown`, `broker-unavailable`
   */
  async join(job: WatchedJob): Promise<WatchLease> {
    const leave = this.#places.take(job.tenant);
    try {
      const { watch, release } = await this.#join(job);
      return {
        watch,
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

  async #join(job: WatchedJob): Promise<WatchLease> {
    const key = eventSubject(job.tenant, job.jobId);
    if (!this.#isLive(key)) {
      const watch = await this.#begin(job);
      // Somebody else may have begun it meanwhile.
      if (!this.#isLive(key)) this.#watches.set(key, { watch: watch(), readers: 0 });
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

  /** One that has ended tells nothing of a job that was redriven since. */
  #isLive(key: string): boolean {
    return this.#watches.get(key)?.watch.ended === false;
  }

  /** @returns what begins the watch, once it is known where the recorded part ends */
  async #begin(job: WatchedJob): Promise<() => JobWatch> {
    const { tenant, jobId } = job;
    // Nothing has happened to it yet; what will is heard once NATS is there.
    if (this.#outbox.find(tenant, jobId) !== undefined) {
      return () => new JobWatch(this.#connection, this.#log, job, new EventTail(0, false, TAIL), NO_ENDS);
    }
    return await this.#connection.use(async (session) => {
      const { ends, last } = await readEnds(session, tenant, jobId);
      if (last === undefined && (await readJob(session, tenant, jobId)) === undefined) {
        throw new ThroughlineError('job-unknown', 'no job of yours has this id');
      }
      const event = last === undefined ? undefined : readJobEvent(last.data);
      const tail = new EventTail(lastOf(ends), event !== undefined && isTerminalEvent(event), TAIL);
      return () => new JobWatch(this.#connection, this.#log, job, tail, ends);
    });
  }
}
