import type { Received } from './received.ts';
import { Stopwatch } from './stopwatch.ts';

/** From this share of the ack wait on, the broker may be about to give a message to another worker. */
const SAFE_SHARE = 4 / 5;

/** A message that waits for a slot of this host. */
export class HeldMessage {
  readonly received: Received;
  readonly #came = new Stopwatch();

  constructor(received: Received) {
    this.received = received;
  }

  /**
   * Hands the message back, unless another worker may have it by now, since this process stood still: nats-server (2.14) obeys a NAK of
   * an earlier delivery, and would take the message from that worker. If no worker has it, it comes again after its ack wait.
   */
  handBack(ackWaitMs: number): void {
    const { message, asked, isOfProbe } = this.received;
    // A probe waits for long until a message comes. Other pulls are open for a moment.
    const oldMs = Math.max(this.#came.elapsedMs, isOfProbe ? 0 : asked.elapsedMs);
    if (oldMs < SAFE_SHARE * ackWaitMs) message.nak();
  }
}
