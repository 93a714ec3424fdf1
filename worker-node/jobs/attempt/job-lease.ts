import { startInterval, type Timer } from '../../../shared/timers.ts';
import { Stopwatch } from '../../broker/consume/stopwatch.ts';

/** How often a message is kept alive within its ack wait. The event loop may be blocked for 4/5 of the ack wait. */
const KEEP_ALIVES = 5;

/**
 * The time for which the broker gives a job to no other worker: one ack wait from the delivery on, and from each
 * keep-alive on. A worker cannot know that it holds: a process may be paused at any point, and a keep-alive may be lost on
 * the way. But it knows when it may be over.
 */
export class JobLease {
  readonly #intervalMs: number;
  readonly #keepAlive: () => void;
  readonly #timer: Timer;
  /** When the last keep-alive was sent; before the first one, when the delivery came. */
  #renewed = new Stopwatch();
  /** The same, of the last keep-alive that the broker has for certain; before the first one, when the worker asked for the job. */
  #certain: Stopwatch;
  #hasLapsed = false;

  /**
   * Sends keep-alives until {@link stop}.
   * @param ackWaitMs the ack wait of the delivery's consumer
   * @param asked runs since the worker asked for the message: the broker cannot have sent it before
   */
  constructor(ackWaitMs: number, keepAlive: () => void, asked = new Stopwatch()) {
    this.#certain = asked;
    this.#intervalMs = ackWaitMs / KEEP_ALIVES;
    this.#keepAlive = keepAlive;
    this.#timer = startInterval(this.#intervalMs, () => this.#renew());
  }

  stop(): void {
    this.#timer.stop();
  }

  /** Whether another worker may have the job by now, as far as this worker can know. */
  get mayBeOver(): boolean {
    return this.#certain.elapsedMs > this.#safeMs;
  }

  /**
   * Whether this process once sent no keep-alive for almost an ack wait: it stood still. In contrast to {@link mayBeOver}, it does not
   * show whether the broker has the keep-alives that were sent.
   */
  get hasLapsed(): boolean {
    return this.#hasLapsed || this.#renewed.elapsedMs > this.#safeMs;
  }

  get #safeMs(): number {
    return (KEEP_ALIVES - 1) * this.#intervalMs;
  }

  /**
   * Sends a request whose answer shows that the job is still ours. The broker reads a connection in order, so it then has
   * each keep-alive that was sent before. An answer that took long does not show that: the connection may have been lost
   * in between, and the keep-alive with it.
   */
  async proveBy<T>(request: () => Promise<T>): Promise<T> {
    if (this.#renewed.elapsedMs > this.#intervalMs) this.#renew();
    const renewed = this.#renewed;
    const asked = new Stopwatch();
    const answer = await request();
    if (asked.elapsedMs <= this.#intervalMs) this.#certain = renewed;
    return answer;
  }

  #renew(): void {
    this.#hasLapsed = this.hasLapsed;
    this.#keepAlive();
    this.#renewed = new Stopwatch();
  }
}
