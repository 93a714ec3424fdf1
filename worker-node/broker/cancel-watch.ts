import { setTimeout as delay } from 'node:timers/promises';
import type { JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import { readCancelNotice } from '../../shared/wire/cancel.ts';
import { CANCEL_SUBJECTS } from '../../shared/wire/subjects.ts';
import type { CancelMemory, HeldJob } from '../jobs/cancel-memory.ts';
import type { WorkerLogger } from '../log.ts';
import { storedCancel } from './job-record.ts';

const RETRY_MS = 500;

export interface CancelWatchParts {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  readonly memory: CancelMemory;
  readonly log: WorkerLogger;
  /** How often a job that runs on is looked up in `CANCELS`, in case its notice was lost on the way. */
  readonly recheckMs: number;
}

/**
 * Keeps a {@link CancelMemory} up to date: subscribes to the notices, and makes up for those that were sent while
 * the connection was away.
 */
export class CancelWatch {
  readonly #parts: CancelWatchParts;
  readonly #stopping = new AbortController();
  #seenBefore = new Set<HeldJob>();

  private constructor(parts: CancelWatchParts) {
    this.#parts = parts;
  }

  /**
   * Listens from the moment it resolves.
   * @throws ThroughlineError `config-invalid` where this user may not listen; whatever the NATS client throws
   */
  static async start(parts: CancelWatchParts): Promise<CancelWatch> {
    const watch = new CancelWatch(parts);
    let refusal: Error | undefined;
    parts.connection.subscribe(CANCEL_SUBJECTS, {
      callback: (error, message) => {
        if (error !== null) {
          refusal = error;
          return;
        }
        const notice = readCancelNotice(message.subject, message.headers);
        if (notice !== undefined) parts.memory.hear(notice);
      },
    });
    watch.#follow().catch((thrown: unknown) => watch.#warn(thrown));
    await watch.#catchUp();
    // The server has answered what was sent behind the subscription, so it would have refused that by now.
    if (refusal !== undefined) {
      watch.stop();
      throw new ThroughlineError('config-invalid', `this user may not subscribe to ${CANCEL_SUBJECTS}`, {
        cause: refusal,
      });
    }
    const timer = setInterval(() => void watch.#recheck(), parts.recheckMs);
    watch.#stopping.signal.addEventListener('abort', () => clearInterval(timer), { once: true });
    return watch;
  }

  stop(): void {
    this.#stopping.abort();
  }

  async #follow(): Promise<void> {
    for await (const { type } of this.#parts.connection.status()) {
      // The client has subscribed again by then.
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

  /** The server takes what a client sends in order: this answer comes after the subscription. */
  async #catchUp(): Promise<void> {
    const { connection, memory } = this.#parts;
    await connection.flush();
    await this.#lookUp(memory.held);
  }

  async #recheck(): Promise<void> {
    const { held } = this.#parts.memory;
    const lasting = held.filter((job) => this.#seenBefore.has(job));
    this.#seenBefore = new Set(held);
    await this.#lookUp(lasting).catch((thrown: unknown) => this.#warn(thrown));
  }

  async #lookUp(jobs: readonly HeldJob[]): Promise<void> {
    await Promise.all(
      jobs.map(async (job) => {
        const notice = await storedCancel(this.#parts.manager, job.address.tenant, job.address.jobId);
        if (notice !== undefined) job.take(notice);
      }),
    );
  }

  #warn(thrown: unknown): void {
    if (this.#stopping.signal.aborted) return;
    this.#parts.log.warn({ reason: describeThrown(thrown) }, 'cannot look cancels up; tried again');
  }
}
