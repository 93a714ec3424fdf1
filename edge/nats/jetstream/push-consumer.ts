import { createInbox, type Msg, type MsgHdrs, nuid, type Subscription } from '@nats-io/nats-core';
import { NANOS_PER_MS } from '../../../shared/nats/streams.ts';
import { startTimer, type Timer } from '../../../shared/timers.ts';
import { INBOX } from '../../../shared/wire/subjects.ts';
import type { StoredMessage } from '../stored-message.ts';
import type { ConsumerConfig, JetStream } from './jetstream.ts';
import { readReplyInfo } from './reply-subject.ts';

const HEARTBEAT_MS = 5_000;
/** A consumer that is silent for three heartbeats is gone, for example because its server restarted. */
const SILENCE_MS = 3 * HEARTBEAT_MS;
/** The server removes a consumer to which nobody has listened for this long. */
const INACTIVE_MS = 10_000;
/** The status code of a heartbeat, and of a request of flow control. */
const CONTROL = 100;

/** Which messages of a stream to read. */
export type PushedMessages = Pick<
  ConsumerConfig,
  'filter_subject' | 'deliver_policy' | 'opt_start_seq' | 'flow_control'
>;

/** A message that a consumer delivered. */
export type Delivery = Omit<StoredMessage, 'time'>;

/** Who gets the messages of a consumer. */
export interface PushListener {
  readonly take: (message: Delivery) => void;
  /** Called at most once: a message was missed, or the consumer is silent. Not called when the connection closes. */
  readonly onLost?: () => void;
}

/**
 * Reads messages of a stream as they come, with a new consumer. They come once each and in order, until the consumer is
 * stopped or lost.
 * @throws JetStreamError or an error of the NATS client
 */
export async function openPushConsumer(
  jetStream: JetStream,
  stream: string,
  messages: PushedMessages,
  listener: PushListener,
): Promise<PushConsumer> {
  const consumer = new PushConsumer(jetStream, stream, listener);
  try {
    await consumer.create(messages);
    return consumer;
  } catch (thrown) {
    consumer.stop();
    throw thrown;
  }
}

/** A consumer whose messages come by themselves. {@link openPushConsumer} makes it. */
export class PushConsumer {
  readonly #jetStream: JetStream;
  readonly #stream: string;
  readonly #listener: PushListener;
  readonly #name = nuid.next();
  readonly #subscription: Subscription;
  readonly #caughtUp = Promise.withResolvers<void>();
  /** How many messages there were to deliver when the consumer was created. */
  #waiting = Number.POSITIVE_INFINITY;
  #delivered = 0;
  #silence: Timer | undefined;

  constructor(jetStream: JetStream, stream: string, listener: PushListener) {
    this.#jetStream = jetStream;
    this.#stream = stream;
    this.#listener = listener;
    this.#subscription = jetStream.connection.subscribe(createInbox(INBOX.edge), {
      callback: (error, message) => {
        if (error === null) this.#receive(message);
        else this.#lose();
      },
    });
  }

  /** Resolves after the last message that was there when the consumer was created. */
  get caughtUp(): Promise<void> {
    return this.#caughtUp.promise;
  }

  get isStopped(): boolean {
    return this.#subscription.isClosed();
  }

  /** Resolves when no more messages come: the consumer was stopped or lost, or the connection closed. */
  get ended(): Promise<unknown> {
    return this.#subscription.closed;
  }

  /** Creates the consumer on the server. @throws JetStreamError or an error of the NATS client */
  async create(messages: PushedMessages): Promise<void> {
    const { num_pending, delivered } = await this.#jetStream.createConsumer(this.#stream, {
      name: this.#name,
      deliver_subject: this.#subscription.getSubject(),
      ack_policy: 'none',
      max_deliver: 1,
      mem_storage: true,
      num_replicas: 1,
      idle_heartbeat: HEARTBEAT_MS * NANOS_PER_MS,
      inactive_threshold: INACTIVE_MS * NANOS_PER_MS,
      ...messages,
    });
    this.#waiting = num_pending + delivered.consumer_seq;
    this.#checkCaughtUp();
    this.#expectHeartbeats();
  }

  /** Stops listening. A second call does nothing. The server removes the consumer after a while. */
  stop(): void {
    this.#silence?.stop();
    if (!this.isStopped) this.#subscription.unsubscribe();
  }

  /** Stops, and deletes the consumer now. */
  delete(): void {
    if (!this.isStopped) this.#jetStream.deleteConsumer(this.#stream, this.#name).catch(() => undefined);
    this.stop();
  }

  /** Treats the consumer as lost if it is silent for {@link SILENCE_MS} from now on. */
  #expectHeartbeats(): void {
    this.#silence?.stop();
    if (!this.isStopped) this.#silence = startTimer(SILENCE_MS, () => this.#lose());
  }

  #receive(message: Msg): void {
    this.#expectHeartbeats();
    if (message.headers?.code === CONTROL) this.#control(message, message.headers);
    else this.#take(message);
  }

  /** Answers a request of flow control, and checks a heartbeat: it says how many messages were sent. */
  #control({ reply }: Msg, headers: MsgHdrs): void {
    // A heartbeat repeats a request that was not answered.
    const subject = reply || headers.get('Nats-Consumer-Stalled');
    if (subject !== '') this.#jetStream.connection.publish(subject);
    if (Number(headers.get('Nats-Last-Consumer')) > this.#delivered) this.#lose();
  }

  #take(message: Msg): void {
    const { nth, sequence, pending } = readReplyInfo(message);
    if (nth !== ++this.#delivered) {
      this.#lose();
      return;
    }
    const { subject, data, headers } = message;
    try {
      this.#listener.take({ sequence, subject, data, headers });
      this.#checkCaughtUp(pending);
    } catch {
      // An error here would end the client's reader, and with it all that the connection does.
      this.#lose();
    }
  }

  /** @param pending how many more messages the consumer has to deliver */
  #checkCaughtUp(pending = Number.POSITIVE_INFINITY): void {
    if (pending === 0 || this.#delivered >= this.#waiting) this.#caughtUp.resolve();
  }

  #lose(): void {
    if (this.isStopped) return;
    this.stop();
    this.#listener.onLost?.();
  }
}
