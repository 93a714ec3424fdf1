import type { Received } from './received.ts';

/** From this share of the ack wait on, the broker may be about to give a message to another worker. */
const SAFE_SHARE = 4 / 5;

/** A message that waits for a slot of this host. */
export class HeldMessage {
  readonly received: Received;

  constructor(received: Received) {
    this.received = received;
  }

  /**
   * Hands the message back, unless it was asked for long ago. Then this process stood still, and another worker may have the message by
   * now: nats-server (2.14) obeys a NAK of an earlier delivery, and would take the message from that worker. If no worker has it, it comes
   * again after its ack wait.
   */
  handBack(ackWaitMs: number): void {
    const { message, asked } = this.received;
    if (asked.elapsedMs < SAFE_SHARE * ackWaitMs) message.nak();
  }
}
