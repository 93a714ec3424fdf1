import { JetStreamStatus } from '@nats-io/jetstream/internal';
import { createInbox, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import { Deadlines } from '../../../shared/nats/client/deadlines.ts';
import { NANOS_PER_MS } from '../../../shared/nats/streams.ts';
import type { PulledMessages } from './pull.ts';
import { type PulledMessage, pulledMessage } from './pulled-message.ts';

/** How long a pull of {@link PullInboxes} is open. Then JetStream ends it. */
const SHORT_PULL_MS = 1_000;
/** A pull that has not ended by then was forgotten by its server. */
const FORGOTTEN_MS = 2 * SHORT_PULL_MS;
/** The status of a pull whose time is over. Every other status but the heartbeat is a failure. */
const TIME_OVER = 408;
const HEARTBEAT = 100;

/**
 * Asks a consumer for messages that are known to wait. A `fetch` of the NATS client (jetstream 3.4.0) has a subscription, a heartbeat,
 * timers and iterators of its own, which cost a host with few slots more than its jobs do. Here a pull that has ended leaves its inbox
 * to the next one.
 */
export class PullInboxes {
  readonly #connection: NatsConnection;
  readonly #subject: string;
  readonly #idle: Inbox[] = [];
  readonly #late = new Deadlines(FORGOTTEN_MS);

  /** @param consumer the stream and the durable name */
  constructor(connection: NatsConnection, consumer: { readonly stream: string; readonly name: string }) {
    this.#connection = connection;
    this.#subject = `$JS.API.CONSUMER.MSG.NEXT.${consumer.stream}.${consumer.name}`;
  }

  /**
   * Opens a pull for {@link SHORT_PULL_MS}.
   * @throws whatever the NATS client throws if the connection is closed
   */
  ask(count: number): PulledMessages {
    const inbox = this.#idleInbox() ?? new Inbox(this.#connection);
    const pull = new ShortPull(count, inbox, (isUsable) => {
      this.#late.delete(pull);
      inbox.pull = undefined;
      if (isUsable && inbox.isOpen) this.#idle.push(inbox);
      else inbox.drain();
    });
    inbox.pull = pull;
    this.#watch(pull);
    const request = JSON.stringify({ batch: count, expires: SHORT_PULL_MS * NANOS_PER_MS });
    this.#connection.publish(this.#subject, request, { reply: inbox.address });
    return pull;
  }

  /** The server may have ended the subscription of an inbox meanwhile, such as after a change of permissions. */
  #idleInbox(): Inbox | undefined {
    for (let inbox = this.#idle.pop(); inbox !== undefined; inbox = this.#idle.pop())
      if (inbox.isOpen) return inbox;
    return undefined;
  }

  /**
   * Fails a pull that is late. What has arrived for it counts first: after a host stood still, this timer may run before that is
   * read. A pull that was opened while the connection is lost is not late: the client sends it after the reconnect.
   */
  #watch(pull: ShortPull): void {
    this.#late.add(pull, () => {
      this.#late.delete(pull);
      if (isConnected(this.#connection)) pull.expire(new Error('no answer to a pull in time'));
      else this.#watch(pull);
    });
  }
}

/** A subscription for the messages of one pull after the other. */
class Inbox {
  readonly address: string;
  readonly #subscription: Subscription;
  pull: ShortPull | undefined;

  constructor(connection: NatsConnection) {
    this.address = createInbox((connection as unknown as ShownOptions).options.inboxPrefix);
    this.#subscription = connection.subscribe(this.address, {
      callback: (error, message) => this.#receive(error, message),
    });
    // When it is drained, or its connection is closed.
    void this.#subscription.closed.then((error) =>
      error instanceof Error ? this.pull?.fail(error) : this.pull?.drained(),
    );
  }

  /** Whether the server may send something here. */
  get isOpen(): boolean {
    return !this.#subscription.isClosed() && !this.#subscription.isDraining();
  }

  /** Takes what the server has sent, and then ends the subscription. */
  drain(): void {
    if (this.#subscription.isClosed()) return;
    this.#subscription.drain().catch(() => {
      if (!this.#subscription.isClosed()) this.#subscription.unsubscribe();
    });
  }

  #receive(error: Error | null, message: Msg): void {
    try {
      if (error !== null) this.pull?.fail(error);
      else if (message.subject === this.address) this.pull?.answer(new JetStreamStatus(message));
      else this.#take(pulledMessage(message));
    } catch (thrown) {
      this.pull?.fail(thrown);
    }
  }

  #take(message: PulledMessage): void {
    if (this.pull === undefined) message.nak();
    else this.pull.receive(message);
  }
}

/** One request for messages, on an inbox that is its own until it ends. */
class ShortPull implements PulledMessages {
  #left: number;
  readonly #inbox: Inbox;
  readonly #onEnd: (isUsable: boolean) => void;
  readonly #done = Promise.withResolvers<void>();
  #isOver = false;
  /** Why the pull fails if nothing more comes. */
  #problem: Error | undefined;
  #take: (message: PulledMessage) => void = (message) => message.nak();

  /** @param onEnd gets whether another pull may use the inbox: the server sends nothing to it any more */
  constructor(count: number, inbox: Inbox, onEnd: (isUsable: boolean) => void) {
    this.#left = count;
    this.#inbox = inbox;
    this.#onEnd = onEnd;
    // Nobody may wait for it yet.
    this.#done.promise.catch(() => undefined);
  }

  each(take: (message: PulledMessage) => void): Promise<void> {
    this.#take = take;
    return this.#done.promise;
  }

  drain(): void {
    if (!this.#isOver) this.#inbox.drain();
  }

  /** Fails with `problem`, if the server has sent nothing that is still to be read. */
  expire(problem: Error): void {
    this.#problem = problem;
    this.drain();
  }

  /** Its inbox has ended. */
  drained(): void {
    if (this.#problem === undefined) this.end(false);
    else this.fail(this.#problem);
  }

  receive(message: PulledMessage): void {
    this.#left--;
    this.#problem = undefined;
    // Ended first: what takes the message may ask for the next one.
    if (this.#left === 0) this.end(true);
    this.#take(message);
  }

  answer(status: JetStreamStatus): void {
    if (status.code === HEARTBEAT) return;
    if (status.code === TIME_OVER) this.end(true);
    else this.fail(status.toError());
  }

  end(isUsable: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onEnd(isUsable);
    this.#done.resolve();
  }

  fail(thrown: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onEnd(false);
    this.#done.reject(thrown);
  }
}

/** The client does not show its options. */
interface ShownOptions {
  readonly options: { readonly inboxPrefix?: string };
}

/** The client does not show this either. If it is not found, the connection counts as open. */
function isConnected(connection: NatsConnection): boolean {
  const { protocol } = connection as unknown as { readonly protocol?: { readonly connected?: boolean } };
  return protocol?.connected !== false;
}
