/** Reads the headers of a stream's messages over an open connection, batch by batch, as the reader asks for them. */
import {
  AckPolicy,
  createInbox,
  DeliverPolicy,
  type JetStreamManager,
  type Msg,
  type NatsConnection,
  NatsError,
  nanos,
  nuid,
  type Subscription,
} from 'nats.ws';
import { unavailable } from '../../shared/errors.ts';
import { INBOX } from '../../shared/wire/subjects.ts';
import type { Answer, StoredMessage } from './stored-message.ts';
import { deliveryOf } from './stream-reader.ts';

/** A consumer nobody asks removes itself after this time. */
const INACTIVE_MS = 30_000;

export interface HeaderRange {
  /** Wildcards allowed. */
  readonly subject: string;
  /** The lowest sequence to give. */
  readonly from: number;
}

export type StoredHeaders = Omit<StoredMessage, 'data'>;

/** One question for messages that is under way. */
interface Pull {
  readonly reply: string;
  readonly max: number;
  readonly done: PromiseWithResolvers<void>;
}

/**
 * Gives every message of a stream on a subject from a sequence on, in order, none left out and none twice. It asks for batches, so
 * that the server never sends more than is asked for, however much there is, and leaves the bodies where they are.
 */
export class HeaderReader {
  readonly #connection: NatsConnection;
  readonly #answer: Answer;
  readonly #subscription: Subscription;
  readonly #inbox = createInbox(INBOX.edge);
  #stop: () => void = () => undefined;
  #subject = '';
  #delivered = 0;
  #pulls = 0;
  #taken: StoredHeaders[] = [];
  #pull: Pull | undefined;
  #failure: Error | undefined;

  private constructor(connection: NatsConnection, answer: Answer) {
    this.#connection = connection;
    this.#answer = answer;
    this.#subscription = connection.subscribe(`${this.#inbox}.*`, {
      callback: (error: Error | null, message: Msg) => {
        if (error !== null) this.#fail(error);
        else if (message.headers?.code) this.#status(message);
        else this.#take(message);
      },
    });
  }

  /** @throws NatsError */
  static async open(
    connection: NatsConnection,
    manager: JetStreamManager,
    stream: string,
    { subject, from }: HeaderRange,
    answer: Answer,
  ): Promise<HeaderReader> {
    const reader = new HeaderReader(connection, answer);
    try {
      const { name } = await answer(
        manager.consumers.add(stream, {
          // With a name and a filter, the request's subject holds both, so that NATS can permit this one and no other.
          name: nuid.next(),
          filter_subject: subject,
          deliver_policy: DeliverPolicy.StartSequence,
          opt_start_seq: Math.max(1, from),
          ack_policy: AckPolicy.None,
          headers_only: true,
          mem_storage: true,
          num_replicas: 1,
          inactive_threshold: nanos(INACTIVE_MS),
        }),
      );
      reader.#subject = `$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`;
      reader.#stop = () => void manager.consumers.delete(stream, name).catch(() => undefined);
      return reader;
    } catch (thrown) {
      reader.stop();
      throw thrown;
    }
  }

  /**
   * The next messages, about `max` of them; none when there are none, or when the replica that answers lags
   * behind. After an error the reader is of no more use.
   * @throws NatsError, ThroughlineError `broker-unavailable` when something is missing
   */
  async next(max: number): Promise<StoredHeaders[]> {
    const pull = { reply: `${this.#inbox}.${++this.#pulls}`, max, done: Promise.withResolvers<void>() };
    this.#pull = pull;
    const { reply } = pull;
    this.#connection.publish(this.#subject, JSON.stringify({ batch: max, no_wait: true }), { reply });
    await this.#answer(pull.done.promise);
    if (this.#failure !== undefined) throw this.#failure;
    const taken = this.#taken;
    this.#taken = [];
    return taken;
  }

  /** Takes the consumer away; safe to repeat. */
  stop(): void {
    if (this.#subscription.isClosed()) return;
    this.#subscription.unsubscribe();
    this.#stop();
  }

  #take(message: Msg): void {
    const { nth, sequence, storedMs, pending } = deliveryOf(message);
    if (nth !== ++this.#delivered) {
      this.#fail(unavailable('a message of the stream was missed'));
      return;
    }
    const { subject, headers } = message;
    this.#taken.push({ sequence, subject, headers, time: new Date(storedMs) });
    // A full batch ends without a word, and not every server has one for a batch that is not full.
    if (pending === 0 || this.#taken.length === this.#pull?.max) this.#pull?.done.resolve();
  }

  /** What a server says instead of a message, perhaps of a question before this one. */
  #status({ subject, headers }: Msg): void {
    if (subject !== this.#pull?.reply) return;
    const code = headers?.code ?? 0;
    if (code === 404 || code === 408) this.#pull.done.resolve();
    else this.#fail(new NatsError(headers?.description ?? '', String(code)));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#pull?.done.resolve();
  }
}
