import { handBack } from './pull-age.ts';
import type { Received } from './pulled-message.ts';

/** A message that waits for a slot of this host. */
export class HeldMessage {
  readonly received: Received;

  constructor(received: Received) {
    this.received = received;
  }

  /** Hands the message back, unless another worker may have it by now. */
  handBack(ackWaitMs: number): void {
    const { message, asked } = this.received;
    handBack(message, { asked, ackWaitMs });
  }
}
