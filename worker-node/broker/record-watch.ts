import { setTimeout as delay } from 'node:timers/promises';
import { ThroughlineError } from '../../shared/errors.ts';
import type { JobAddress } from '../../shared/job/job-address.ts';
import { startInterval } from '../../shared/timers.ts';
import { type CancelNotice, readCancelNotice } from '../../shared/wire/cancel.ts';
import { CANCEL_SUBJECTS } from '../../shared/wire/subjects.ts';
import type { WorkerLogger } from '../log.ts';
import { describeFailure } from './checks/failure-reason.ts';
import type { Broker } from './connection/broker.ts';
import { statusesOf } from './connection/statuses.ts';
import { type JobRecord, readRecord } from './job-record.ts';

const RETRY_MS = 500;

/** A job of this worker that others may cancel, end, or start again elsewhere. */
export interface WatchedJob {
  readonly address: JobAddress;
  see(record: JobRecord): void;
}

/** Where notices and records go: see `jobs/cancel-memory.ts`. */
export interface RecordListener {
  /** The jobs that this worker has now. */
  readonly held: readonly WatchedJob[];
  hear(notice: CancelNotice): void;
}

interface RecordWatchParts {
  readonly broker: Pick<Broker, 'connection' | 'manager'>;
  readonly listener: RecordListener;
  readonly log: WorkerLogger;
  /** How often the record of a running job is read: a notice may be lost, and another worker may have the job. */
  readonly recheckMs: number;
}

/**
 * Subscribes to cancel notices, and reads the records of the jobs that this worker has: after the connection was lost, and
 * from time to time.
 */
export class RecordWatch {
  readonly #parts: RecordWatchParts;
  readonly #stopping = new AbortController();
  #seenBefore = new Set<WatchedJob>();

  private constructor(parts: RecordWatchParts) {
    this.#parts = parts;
  }

  /**
   * Listens from the moment it resolves.
   * @throws ThroughlineError `config-invalid` if this user may not subscribe; whatever the NATS client throws
   */
  static async start(parts: RecordWatchParts): Promise<RecordWatch> {
    const watch = new RecordWatch(parts);
    const refusal = watch.#subscribe();
    watch.#follow().catch((thrown: unknown) => watch.#warn(thrown));
    await watch.#catchUp();
    // The server has answered a request that was sent after the subscription. So a refusal would have arrived before.
    if (refusal.cause !== undefined) {
      watch.stop();
      throw new ThroughlineError(
        'config-invalid',
        `this user may not subscribe to ${CANCEL_SUBJECTS}`,
        refusal,
      );
    }
    const timer = startInterval(parts.recheckMs, () => void watch.#recheck());
    watch.#stopping.signal.addEventListener('abort', timer.stop, { once: true });
    return watch;
  }

  stop(): void {
    this.#stopping.abort();
  }

  /** @returns a record whose `cause` is set once the server refuses the subscription */
  #subscribe(): { cause?: Error } {
    const { broker, listener } = this.#parts;
    const refusal: { cause?: Error } = {};
    broker.connection.subscribe(CANCEL_SUBJECTS, {
      callback: (error, message) => {
        if (error !== null) {
          refusal.cause = error;
          return;
        }
        const notice = readCancelNotice(message.subject, message.headers);
        if (notice !== undefined) listener.hear(notice);
      },
    });
    return refusal;
  }

  async #follow(): Promise<void> {
    for await (const { type } of statusesOf(this.#parts.broker.connection)) {
      // The client has renewed its subscriptions before it says so.
      if (type === 'reconnect') void this.#resume();
    }
  }

  async #resume(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        await this.#catchUp();
        return;
      } catch (thrown) {
        this.#warn(thrown);
        await delay(RETRY_MS, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      }
    }
  }

  /** The server handles a client's messages in order, so its answer to the flush comes after the subscription. */
  async #catchUp(): Promise<void> {
    const { broker, listener } = this.#parts;
    await broker.connection.flush();
    await this.#lookUp(listener.held);
  }

  async #recheck(): Promise<void> {
    const { held } = this.#parts.listener;
    const lasting = held.filter((job) => this.#seenBefore.has(job));
    this.#seenBefore = new Set(held);
    await this.#lookUp(lasting).catch((thrown: unknown) => this.#warn(thrown));
  }

  async #lookUp(jobs: readonly WatchedJob[]): Promise<void> {
    await Promise.all(
      jobs.map(async (job) => {
        job.see(await readRecord(this.#parts.broker.manager, job.address));
      }),
    );
  }

  #warn(thrown: unknown): void {
    if (this.#stopping.signal.aborted) return;
    this.#parts.log.warn(
      { reason: describeFailure(thrown) },
      'job records cannot be read; they are read again later',
    );
  }
}
