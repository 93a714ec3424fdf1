import { setTimeout as delay } from 'node:timers/promises';
import type { ConsumerMessages, JsMsg } from '@nats-io/jetstream';
import type { Subscription } from '@nats-io/transport-node';

/** A pull that brings nothing for so long is quiet; one that never is, is ended all the same. */
const QUIET_MS = 100;
const PATIENCE_MS = 500;
/** Longer than {@link PATIENCE_MS}: what is handed back must not come to the pull that is about to end. */
const HAND_BACK_MS = 750;

/** One request for messages, open until the server has sent all of them or it expires. */
export class Pull {
  readonly #messages: ConsumerMessages;
  #left: number;
  #ending = false;

  /** @param count how many messages were asked for */
  constructor(messages: ConsumerMessages, count: number) {
    this.#messages = messages;
    this.#left = count;
  }

  /** How many messages it may still bring. */
  get left(): number {
    return this.#left;
  }

  /** Gives each message to `take`; those that come while the pull is ended go back to the server unread. */
  async takeAll(take: (message: JsMsg) => void): Promise<void> {
    for await (const message of this.#messages) {
      this.#left--;
      if (this.#ending) message.nak(HAND_BACK_MS);
      else take(message);
    }
  }

  /**
   * Ends it between two messages. A server that is told to stop while it sends may send a few more to nobody; they have
   * spent a delivery, and come back only after the ack wait. So it is told once it has nothing more to say.
   */
  async end(): Promise<void> {
    this.#ending = true;
    const deadline = Date.now() + PATIENCE_MS;
    for (let before: number | undefined; before !== this.#left && Date.now() < deadline; ) {
      before = this.#left;
      await delay(QUIET_MS);
    }
    drain(this.#messages);
  }
}

/**
 * Ends the pull behind the last message that the server sent for it. The client's own `stop` (jetstream 3.4.0)
 * unsubscribes at once, and drops what is on its way.
 */
function drain(messages: ConsumerMessages): void {
  const { sub } = messages as unknown as { readonly sub?: Subscription };
  if (sub === undefined) messages.stop();
  // The pull ends when its subscription has; where that cannot be drained, at once.
  else sub.drain().catch(() => messages.stop());
}
