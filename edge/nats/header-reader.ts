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
import { readReplyInfo } from './reply-subject.ts';
import type { Answer, StoredMessage } from './stored-message.ts';

/** The server removes a consumer that was not used for this long. */
const INACTIVE_MS = 30_000;
const NO_MESSAGES = 404;
const REQUEST_TIMEOUT = 408;

export interface HeaderRange {
  /** The subject of the messages. Wildcards are allowed. */
  readonly subject: string;
  /** The lowest sequence to read. */
  readonly from: number;
}

export type StoredHeaders = Omit<StoredMessage, 'data'>;

/**
 * Reads the messages of a stream without their bodies. The reader gives every message of a range once, in order. The
 * reader asks for batches, so the server never sends more messages than it was asked for.
 */
export interface HeaderReader {
  /**
   * Returns the next messages, at most about `max`. The list is empty if there are no more messages, or if the replica
   * that answers is behind. After an error the reader cannot be used again.
   * @throws NatsError
   * @throws ThroughlineError `broker-unavailable` when a message was missed
   */
  next(max: number): Promise<StoredHeaders[]>;
  /** Deletes the reader's consumer. A second call does nothing. */
  stop(): void;
}

/** Opens a {@link HeaderReader}, with a new consumer for it. @throws NatsError */
export async function openHeaderReader(
  connection: NatsConnection,
  manager: JetStreamManager,
  stream: string,
  { subject, from }: HeaderRange,
  answer: Answer,
): Promise<HeaderReader> {
  const { name } = await answer(
    manager.consumers.add(stream, {
      // With a name and one filter, the consumer's name and filter are part of the request's subject. This lets NATS
      // permit only this request.
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
  const reader = new ConsumerHeaderReader(connection, manager, { stream, name }, answer);
  reader.listen();
  return reader;
}

/** A request for one batch. */
interface Pull {
  readonly reply: string;
  readonly max: number;
  readonly done: PromiseWithResolvers<void>;
}

class ConsumerHeaderReader implements HeaderReader {
  readonly #connection: NatsConnection;
  readonly #manager: JetStreamManager;
  readonly #consumer: { readonly stream: string; readonly name: string };
  readonly #answer: Answer;
  readonly #inbox = createInbox(INBOX.edge);
  #subscription: Subscription | undefined;
  #delivered = 0;
  #pulls = 0;
  #taken: StoredHeaders[] = [];
  #pull: Pull | undefined;
  #failure: Error | undefined;

  constructor(
    connection: NatsConnection,
    manager: JetStreamManager,
    consumer: { readonly stream: string; readonly name: string },
    answer: Answer,
  ) {
    this.#connection = connection;
    this.#manager = manager;
    this.#consumer = consumer;
    this.#answer = answer;
  }

  listen(): void {
    this.#subscription = this.#connection.subscribe(`${this.#inbox}.*`, {
      callback: (error: Error | null, message: Msg) => {
        if (error !== null) this.#fail(error);
        else if (message.headers?.code) this.#takeStatus(message);
        else this.#take(message);
      },
    });
  }

  async next(max: number): Promise<StoredHeaders[]> {
    const { stream, name } = this.#consumer;
    const pull = { reply: `${this.#inbox}.${++this.#pulls}`, max, done: Promise.withResolvers<void>() };
    this.#pull = pull;
    const request = JSON.stringify({ batch: max, no_wait: true });
    this.#connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`, request, { reply: pull.reply });
    await this.#answer(pull.done.promise);
    if (this.#failure !== undefined) throw this.#failure;
    const taken = this.#taken;
    this.#taken = [];
    return taken;
  }

  stop(): void {
    if (this.#subscription === undefined || this.#subscription.isClosed()) return;
    this.#subscription.unsubscribe();
    const { stream, name } = this.#consumer;
    this.#manager.consumers.delete(stream, name).catch(() => undefined);
  }

  #take(message: Msg): void {
    const { nth, sequence, storedMs, pending } = readReplyInfo(message);
    if (nth !== ++this.#delivered) {
      this.#fail(unavailable('a message of the stream was missed'));
      return;
    }
    const { subject, headers } = message;
    this.#taken.push({ sequence, subject, headers, time: new Date(storedMs) });
    // The server does not say when a full batch has ended. Older servers do not say when a partial batch has ended
    // either.
    if (pending === 0 || this.#taken.length === this.#pull?.max) this.#pull?.done.resolve();
  }

  /** Handles the server's answer that there is no message. The answer may belong to an earlier batch. */
  #takeStatus({ subject, headers }: Msg): void {
    if (subject !== this.#pull?.reply) return;
    const code = headers?.code ?? 0;
    if (code === NO_MESSAGES || code === REQUEST_TIMEOUT) this.#pull.done.resolve();
    else this.#fail(new NatsError(headers?.description ?? '', String(code)));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#pull?.done.resolve();
  }
}
