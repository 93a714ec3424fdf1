import { setTimeout as delay } from 'node:timers/promises';
import type { ConsumerMessages } from '@nats-io/jetstream';
import type { Subscription } from '@nats-io/transport-node';
import { handBack, type PullAge } from './pull-age.ts';
import type { PulledMessage } from './pulled-message.ts';

/** A pull is quiet if no message comes for this long. */
const QUIET_MS = 100;
/** A pull is ended after this time, even if it is never quiet. */
const PATIENCE_MS = 500;
/**
 * The delay of a message that is handed back and comes again. It is longer than {@link PATIENCE_MS}, so that the message
 * does not come to the same pull once more.
 */
const HAND_BACK_MS = 750;

/** What a pull brings. */
export interface PulledMessages {
  /**
   * Gives each message to `take`, until the pull has ended.
   * @returns rejects with the reason if the pull fails
   */
  each(take: (message: PulledMessage) => void): Promise<void>;
  /** Ends the pull after the last message that the server has sent. */
  drain(): void;
}

/** One request for messages. The pull is open until the server has sent all of them, or until the request expires. */
export class Pull {
  readonly #messages: PulledMessages;
  readonly #age: PullAge;
  readonly #handedBack = new Set<number>();
  #left: number;
  #isPaused = false;

  /** @param count how many messages were asked for */
  constructor(messages: PulledMessages, count: number, age: PullAge) {
    this.#messages = messages;
    this.#age = age;
    this.#left = count;
  }

  /** How many more messages the pull may bring. */
  get left(): number {
    return this.#left;
  }

  /** Gives each message to `take`. A message that comes while the pull is paused is handed back to the server. */
  takeAll(take: (message: PulledMessage) => void): Promise<void> {
    return this.#messages.each((message) => {
      this.#left--;
      if (this.#isPaused) this.#handBack(message);
      else take(message);
    });
  }

  /**
   * Hands a message back. The first time, the server gives it to the next pull at once: that is this pull only if no other one
   * is open. The process may have stood still meanwhile, and then other workers may have the message.
   */
  #handBack(message: PulledMessage): void {
    handBack(message, this.#age, this.#handedBack.has(message.seq) ? HAND_BACK_MS : 0);
    this.#handedBack.add(message.seq);
  }

  /** From now on, messages are handed back. */
  pause(): void {
    this.#isPaused = true;
  }

  /** From now on, messages are taken again. */
  resume(): void {
    this.#isPaused = false;
  }

  /**
   * Ends the pull when it is quiet. If the server learns of the end while it sends messages, it may send a few more
   * that nobody reads. Each of these messages has used up a delivery, and is delivered again only after the ack wait.
   */
  async end(): Promise<void> {
    this.pause();
    const deadline = Date.now() + PATIENCE_MS;
    for (let before: number | undefined; before !== this.#left && Date.now() < deadline; ) {
      before = this.#left;
      await delay(QUIET_MS);
    }
    this.#messages.drain();
  }
}

/** The messages of a `fetch` of the NATS client. */
export function fetched(messages: ConsumerMessages): PulledMessages {
  return {
    each: async (take) => {
      for await (const message of messages) take(message);
    },
    drain: () => drain(messages),
  };
}

/**
 * Ends the pull after the last message that the server has sent. The client's own `stop` (jetstream 3.4.0) unsubscribes
 * immediately, and drops the messages that are on their way.
 */
function drain(messages: ConsumerMessages): void {
  const { sub } = messages as unknown as { readonly sub?: Subscription };
  if (sub === undefined) messages.stop();
  // The pull ends when its subscription ends. If draining fails, the pull is stopped immediately.
  else sub.drain().catch(() => messages.stop());
}
