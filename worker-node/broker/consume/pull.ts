import { setTimeout as delay } from 'node:timers/promises';
import type { ConsumerMessages, JsMsg } from '@nats-io/jetstream';
import type { Subscription } from '@nats-io/transport-node';

/** A pull that brings nothing for this long is quiet. */
const QUIET_MS = 100;
/** A pull that is never quiet is ended after this time. */
const PATIENCE_MS = 500;
/** Longer than {@link PATIENCE_MS}: a message that is handed back must not come to the same pull again. */
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

  /** How many messages the pull may still bring. */
  get left(): number {
    return this.#left;
  }

  /** Gives each message to `take`. Messages that come while the pull ends go back to the server unread. */
  async takeAll(take: (message: JsMsg) => void): Promise<void> {
    for await (const message of this.#messages) {
      this.#left--;
      if (this.#ending) message.nak(HAND_BACK_MS);
      else take(message);
    }
  }

  /**
   * Ends the pull once it is quiet. If the server gets the end of the pull while it sends, it may send a few more messages
   * that nobody reads. Each of them has used up a delivery, and is delivered again only after the ack wait.
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
 * Ends the pull after the last message that the server sent for it. The client's own `stop` (jetstream 3.4.0)
 * unsubscribes immediately, and drops the messages on their way.
 */
function drain(messages: ConsumerMessages): void {
  const { sub } = messages as unknown as { readonly sub?: Subscription };
  if (sub === undefined) messages.stop();
  // The pull ends with its subscription. If the subscription cannot be drained, it is stopped immediately.
  else sub.drain().catch(() => messages.stop());
}
