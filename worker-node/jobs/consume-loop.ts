import { setTimeout as delay } from 'node:timers/promises';
import type { Consumer, ConsumerMessages, JsMsg } from '@nats-io/jetstream';
import type { Subscription } from '@nats-io/transport-node';
import { describeThrown } from '../../shared/errors.ts';
import type { WorkerLogger } from '../log.ts';
import { backoff } from './backoff.ts';

const EXPIRES_MS = 30_000;
const PAUSE = { minDelayMs: 200, maxDelayMs: 5_000 };

export interface ConsumeLoopOptions {
  readonly consumer: () => Promise<Consumer>;
  /** A pull failed: the consumer may be gone. */
  readonly onFailure?: () => void;
  readonly concurrency: number;
  readonly process: (message: JsMsg, stop: AbortSignal) => Promise<void>;
  readonly log: WorkerLogger;
  /** What it pulls, for the log; jobs by default. */
  readonly what?: string;
}

/**
 * Pulls jobs, and asks for as many as there are free slots, so that none waits in this process while another worker
 * is idle. Each pull ends by itself after a while: a pull that the server forgot (a leader change, a restart) costs
 * one interval, not the worker.
 */
export class ConsumeLoop {
  readonly #options: ConsumeLoopOptions;
  readonly #stopping = new AbortController();
  readonly #giveUp = new AbortController();
  readonly #jobs = new Set<Promise<void>>();
  readonly #pulls = new Set<{ readonly stop: () => void; readonly ended: Promise<void> }>();
  #requested = 0;
  #failures = 0;
  #problem: string | undefined;
  #wake: () => void = () => undefined;

  constructor(options: ConsumeLoopOptions) {
    this.#options = options;
  }

  /** Jobs that run now. */
  get running(): number {
    return this.#jobs.size;
  }

  /** Whether the last pull reached the server. */
  get healthy(): boolean {
    return this.#failures === 0;
  }

  /** Why the last pull failed; undefined when it did not. */
  get problem(): string | undefined {
    return this.healthy ? undefined : this.#problem;
  }

  /** Pulls until {@link stop}. */
  async run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      if (this.#failures > 0) await this.#pause();
      const free = this.#options.concurrency - this.#jobs.size;
      // Half of the free slots may go unasked for, so that a busy worker sends one pull for many jobs.
      if (this.#requested * 2 < free) await this.#pull(free - this.#requested);
      else await this.#change();
    }
  }

  /**
   * Stops pulling and waits for the jobs that run, at most `graceMs`; those that are left then have their signal
   * aborted and are handed back. Safe to call twice.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    const pulls = [...this.#pulls];
    for (const pull of pulls) pull.stop();
    await Promise.allSettled(pulls.map(({ ended }) => ended));
    const timer = setTimeout(() => this.#giveUp.abort(), graceMs);
    while (this.#jobs.size > 0) await Promise.allSettled([...this.#jobs]);
    clearTimeout(timer);
  }

  /** Opens one pull; what it brings is taken in the background. */
  async #pull(count: number): Promise<void> {
    this.#requested += count;
    try {
      const consumer = await this.#options.consumer();
      if (this.#stopping.signal.aborted) return;
      const messages = await consumer.fetch({ max_messages: count, expires: EXPIRES_MS });
      const pull = { stop: () => drain(messages), ended: this.#take(messages, count) };
      this.#pulls.add(pull);
      pull.ended.finally(() => this.#pulls.delete(pull)).catch(() => undefined);
    } catch (thrown) {
      this.#requested -= count;
      this.#fail(thrown);
    }
  }

  async #take(messages: AsyncIterable<JsMsg>, count: number): Promise<void> {
    let left = count;
    try {
      for await (const message of messages) {
        left--;
        this.#requested--;
        this.#start(message);
      }
      this.#failures = 0;
    } catch (thrown) {
      this.#fail(thrown);
    } finally {
      this.#requested -= left;
      this.#wake();
    }
  }

  #start(message: JsMsg): void {
    this.#failures = 0;
    // What still arrives while the worker stops is handed back at once.
    const stop = this.#stopping.signal.aborted ? AbortSignal.abort() : this.#giveUp.signal;
    const job = this.#options.process(message, stop).finally(() => {
      this.#jobs.delete(job);
      this.#wake();
    });
    this.#jobs.add(job);
  }

  #fail(thrown: unknown): void {
    this.#failures++;
    this.#problem = describeThrown(thrown);
    this.#options.onFailure?.();
    if (this.#stopping.signal.aborted) return;
    const { log, what = 'jobs' } = this.#options;
    log.warn({ reason: this.#problem, failures: this.#failures }, `cannot pull ${what}`);
  }

  #pause(): Promise<unknown> {
    const pauseMs = backoff(this.#failures, PAUSE, Math.random());
    return delay(pauseMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }

  /** Until a job or a pull ended; ends of the same turn count as one. */
  async #change(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#stopping.signal.aborted) resolve();
    });
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
}

/**
 * Ends a pull behind the last message that the server sent for it. The client's own `stop` (jetstream 3.4.0)
 * unsubscribes at once: what is on its way is dropped, has spent an attempt, and comes back only after the ack wait.
 */
function drain(messages: ConsumerMessages): void {
  const { sub } = messages as unknown as { readonly sub?: Subscription };
  if (sub === undefined) messages.stop();
  // The pull ends when its subscription has; where that cannot be drained, at once.
  else sub.drain().catch(() => messages.stop());
}
