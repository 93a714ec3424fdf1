import type { JsMsg } from '@nats-io/jetstream';

/** A share of the ack wait is left to clocks that differ, and to what the first step of a job takes. */
const TRUSTED_SHARE = 0.5;

/**
 * For how long a delivery is surely this worker's alone. Behind its ack wait the broker gives a message to somebody
 * else, and a worker that was paused, or cut off, finds it in its socket all the same, looking like new.
 */
export class Lease {
  readonly #until: number;

  /**
   * The message was delivered after it was stored, and after it was asked for: the later of the two is the earliest
   * moment at which the broker can have begun to wait.
   * @param pulledAt when it was asked for, as `Date.now()` gives it
   */
  constructor(message: Pick<JsMsg, 'time'>, pulledAt: number, ackWaitMs: number) {
    this.#until = Math.max(message.time.getTime(), pulledAt) + ackWaitMs * TRUSTED_SHARE;
  }

  /** Whether nobody else can have been given the message by now, whoever has not said a word of it. */
  get holds(): boolean {
    return Date.now() < this.#until;
  }
}
