import type { JsMsg } from '@nats-io/jetstream';

/** A message that this process has, from its first delivery here to its settlement. */
export class Delivery {
  readonly first: JsMsg;
  #latest: JsMsg;

  constructor(message: JsMsg) {
    this.first = message;
    this.#latest = message;
  }

  /** The delivery that the broker waits for: it heeds no answer to one that it has repeated. */
  get latest(): JsMsg {
    return this.#latest;
  }

  repeat(message: JsMsg): void {
    this.#latest = message;
  }
}

/**
 * The messages that this process has. A process that stood still for longer than the ack wait gets its own messages once
 * more, and must not run them beside themselves.
 */
export class Deliveries {
  readonly #byMessage = new Map<string, Delivery>();

  /** @returns undefined where the message is here already: its delivery takes note */
  take(message: JsMsg): Delivery | undefined {
    const key = keyOf(message);
    const known = this.#byMessage.get(key);
    if (known !== undefined) {
      known.repeat(message);
      return undefined;
    }
    const delivery = new Delivery(message);
    this.#byMessage.set(key, delivery);
    return delivery;
  }

  end({ first }: Delivery): void {
    this.#byMessage.delete(keyOf(first));
  }
}

/** A stream that was made anew counts from 1 again, so the place alone does not name a message. */
function keyOf({ seq, subject }: JsMsg): string {
  return `${seq} ${subject}`;
}
