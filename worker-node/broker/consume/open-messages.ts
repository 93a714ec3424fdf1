import { RenewedMap } from '../../../shared/memory/renewed-map.ts';
import { type Delivery, messageKey } from './delivery.ts';

/** A message that this process handles, from its first delivery to this process until a delivery of it is settled. */
export class OpenMessage {
  readonly first: Delivery;
  #latest: Delivery;

  constructor(first: Delivery) {
    this.first = first;
    this.#latest = first;
  }

  /** The delivery to answer. The broker ignores an answer to an earlier delivery. */
  get latest(): Delivery {
    return this.#latest;
  }

  repeat(delivery: Delivery): void {
    this.#latest = delivery;
  }
}

/**
 * The messages that this process handles. A process that was paused for longer than the ack wait gets its own messages
 * again, and must not run their jobs twice at the same time.
 */
export class OpenMessages {
  readonly #byKey = new RenewedMap<string, OpenMessage>();

  /**
   * Adds the message of a delivery.
   * @returns undefined if this process already handles the message. The new delivery is then the one to answer
   */
  open(delivery: Delivery): OpenMessage | undefined {
    const key = messageKey(delivery);
    const known = this.#byKey.get(key);
    if (known !== undefined) {
      known.repeat(delivery);
      return undefined;
    }
    const message = new OpenMessage(delivery);
    this.#byKey.set(key, message);
    return message;
  }

  close({ first }: OpenMessage): void {
    this.#byKey.delete(messageKey(first));
  }
}
