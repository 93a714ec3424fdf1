import type { JsMsg } from '@nats-io/jetstream';
import { backoff } from '../../../shared/backoff.ts';
import { describeThrown } from '../../../shared/errors.ts';
import { pause, startTimer } from '../../../shared/timers.ts';
import type { WorkerLogger } from '../../log.ts';
import { type Delivery, deliveryOf } from './delivery.ts';
import type { DurableConsumer } from './durable-consumer.ts';
import { Pull } from './pull.ts';

const EXPIRES_MS = 30_000;
/** After a failure the next pull is short, since a pull shows that all is well only when it ends. */
const EXPIRES_AFTER_FAILURE_MS = 1_000;
const PAUSE = { minDelayMs: 200, maxDelayMs: 5_000 };

/** Handles deliveries: the pipeline of jobs, or that of callbacks. */
export interface DeliveryHandler {
  /**
   * Handles one delivery up to its ack. Never throws.
   * @param stop aborts when the worker cannot wait any longer
   */
  process(delivery: Delivery, stop: AbortSignal): Promise<void>;
}

interface ConsumeLoopOptions {
  readonly consumer: Pick<DurableConsumer, 'get' | 'forget' | 'createdMs'>;
  readonly handler: DeliveryHandler;
  /** How many deliveries are handled at the same time. */
  readonly concurrency: number;
  readonly log: WorkerLogger;
  /** What the loop pulls, for the log. */
  readonly what: 'jobs' | 'callbacks';
}

/**
 * Pulls messages, and asks for as many as there are free slots, so that no message waits in this process while another
 * worker is idle. Each pull ends by itself after a while. So a pull that the server forgot (a leader change, a restart)
 * delays the worker by one interval at most.
 */
export class ConsumeLoop {
  readonly #options: ConsumeLoopOptions;
  readonly #stopping = new AbortController();
  readonly #giveUp = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #pulls = new Map<Pull, Promise<void>>();
  #failures = 0;
  #problem: string | undefined;
  #wake: () => void = () => undefined;

  constructor(options: ConsumeLoopOptions) {
    this.#options = options;
  }

  /** How many deliveries are handled now. */
  get running(): number {
    return this.#running.size;
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
      const free = this.#options.concurrency - this.#running.size;
      const requested = this.#requested;
      // A worker asks only when more than half of its free slots are not requested yet. So one pull is for many messages.
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

  get #expiresMs(): number {
    return this.healthy ? EXPIRES_MS : EXPIRES_AFTER_FAILURE_MS;
  }

  /**
   * Stops pulling and waits for the deliveries that are being handled. After `graceMs` the signal of those that are
   * left aborts, and they are handed back. Safe to call twice.
   */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    const timer = startTimer(graceMs, () => this.#giveUp.abort());
    await Promise.all([...this.#pulls.keys()].map((pull) => this.#end(pull)));
    while (this.#running.size > 0) await Promise.allSettled([...this.#running]);
    timer.stop();
  }

  /** Opens one pull. Its messages are handled in the background. */
  async #pull(count: number): Promise<void> {
    try {
      const consumer = await this.#options.consumer.get();
      if (this.#stopping.signal.aborted) return;
      const messages = await consumer.fetch({ max_messages: count, expires: this.#expiresMs });
      const pull = new Pull(messages, count);
      this.#pulls.set(pull, this.#take(pull));
      // The loop may have been stopped while the pull was opened.
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
    const { handler, consumer } = this.#options;
    const delivery = deliveryOf(message, consumer.createdMs);
    const handled = handler.process(delivery, this.#giveUp.signal).finally(() => {
      this.#running.delete(handled);
      this.#wake();
    });
    this.#running.add(handled);
  }

  #fail(thrown: unknown): void {
    this.#failures++;
    this.#problem = describeThrown(thrown);
    const { log, what, consumer } = this.#options;
    // The consumer may be deleted.
    consumer.forget();
    if (this.#stopping.signal.aborted) return;
    log.warn({ reason: this.#problem, failures: this.#failures }, `cannot pull ${what}`);
  }

  #pause(): Promise<void> {
    const pauseMs = backoff(this.#failures, PAUSE, Math.random());
    return pause(pauseMs, this.#stopping.signal).catch(() => undefined);
  }

  /** Waits until a handler or a pull ends. Those that end in the same turn of the event loop count as one. */
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
