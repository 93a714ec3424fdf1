import { setTimeout as delay } from 'node:timers/promises';
import type { Consumer, JsMsg } from '@nats-io/jetstream';
import { backoff } from '../../shared/backoff.ts';
import { describeThrown } from '../../shared/errors.ts';
import type { WorkerLogger } from '../log.ts';
import { Pull } from './pull.ts';

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
  readonly #pulls = new Map<Pull, Promise<void>>();
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
      const requested = this.#requested;
      // Half of the free slots may go unasked for, so that a busy worker sends one pull for many jobs.
      if (requested * 2 < free) await this.#pull(free - requested);
      else await this.#change();
    }
  }

  /** How many messages the open pulls may still bring. */
  get #requested(): number {
    let requested = 0;
    for (const pull of this.#pulls.keys()) requested += pull.left;
    return requested;
  }

  /**
   * Stops pulling and waits for the jobs that run, at most `graceMs`; those that are left then have their signal
   * aborted and are handed back. Safe to call twice.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    const timer = setTimeout(() => this.#giveUp.abort(), graceMs);
    await Promise.all([...this.#pulls.keys()].map((pull) => this.#end(pull)));
    while (this.#jobs.size > 0) await Promise.allSettled([...this.#jobs]);
    clearTimeout(timer);
  }

  /** Opens one pull; what it brings is taken in the background. */
  async #pull(count: number): Promise<void> {
    try {
      const consumer = await this.#options.consumer();
      if (this.#stopping.signal.aborted) return;
      const messages = await consumer.fetch({ max_messages: count, expires: EXPIRES_MS });
      const pull = new Pull(messages, count);
      this.#pulls.set(pull, this.#take(pull));
      // The stop may have come while this one was opened.
      if (this.#stopping.signal.aborted) await this.#end(pull);
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  async #take(pull: Pull): Promise<void> {
    try {
      await pull.takeAll((message) => this.#start(message));
      this.#failures = 0;
    } catch (thrown) {
      this.#fail(thrown);
    } finally {
      this.#pulls.delete(pull);
      this.#wake();
    }
  }

  async #end(pull: Pull): Promise<void> {
    await pull.end();
    await this.#pulls.get(pull);
  }

  #start(message: JsMsg): void {
    this.#failures = 0;
    const job = this.#options.process(message, this.#giveUp.signal).finally(() => {
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
