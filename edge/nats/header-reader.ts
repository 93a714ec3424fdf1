import { createInbox, type Msg, nuid, type Subscription } from '@nats-io/nats-core';
import type { MsgImpl } from '@nats-io/nats-core/internal';
import { unavailable } from '../../shared/errors.ts';
import { NANOS_PER_MS } from '../../shared/nats/streams.ts';
import { INBOX } from '../../shared/wire/subjects.ts';
import { statusError } from './broker-error.ts';
import type { JetStream } from './jetstream/jetstream.ts';
import { readReplyInfo } from './jetstream/reply-subject.ts';
import type { StoredMessage } from './stored-message.ts';

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

/** A stored message without its body. */
export interface StoredHeaders extends Omit<StoredMessage, 'data'> {
  /** The size of the message as NATS sent it: what a stream stores of it besides the body, give or take 100 bytes. */
  readonly size: number;
}

/**
 * Reads the messages of a stream without their bodies. The reader gives every message of a range once, in order. The
 * reader asks for batches, so the server never sends more messages than it was asked for.
 */
export interface HeaderReader {
  /**
   * Returns the next messages, at most about `max`. The list is empty if there are no more messages, or if the replica
   * that answers is behind. After an error the reader cannot be used again.
   * @throws ThroughlineError `broker-unavailable`, also when a message was missed; or an error of the NATS client
   */
  next(max: number): Promise<StoredHeaders[]>;
  /** Deletes the reader's consumer. A second call does nothing. */
  stop(): void;
}

/**
 * Opens a {@link HeaderReader}, with a new consumer for it.
 * @throws JetStreamError or an error of the NATS client
 */
export async function openHeaderReader(
  jetStream: JetStream,
  stream: string,
  { subject, from }: HeaderRange,
): Promise<HeaderReader> {
  const name = nuid.next();
  await jetStream.createConsumer(stream, {
    name,
    filter_subject: subject,
    deliver_policy: 'by_start_sequence',
    opt_start_seq: Math.max(1, from),
    ack_policy: 'none',
    headers_only: true,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: INACTIVE_MS * NANOS_PER_MS,
  });
  return new ConsumerHeaderReader(jetStream, { stream, name });
}

/** A request for one batch. */
interface Pull {
  readonly reply: string;
  readonly max: number;
  readonly done: PromiseWithResolvers<void>;
}

class ConsumerHeaderReader implements HeaderReader {
  readonly #jetStream: JetStream;
  readonly #consumer: { readonly stream: string; readonly name: string };
  readonly #inbox = createInbox(INBOX.edge);
  readonly #subscription: Subscription;
  #delivered = 0;
  #pulls = 0;
  #taken: StoredHeaders[] = [];
  #pull: Pull | undefined;
  #failure: Error | undefined;

  constructor(jetStream: JetStream, consumer: { readonly stream: string; readonly name: string }) {
    this.#jetStream = jetStream;
    this.#consumer = consumer;
    this.#subscription = jetStream.connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
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
    const { connection, answer } = this.#jetStream;
    connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`, request, { reply: pull.reply });
    await answer(pull.done.promise);
    if (this.#failure !== undefined) throw this.#failure;
    const taken = this.#taken;
    this.#taken = [];
    return taken;
  }

  stop(): void {
    if (this.#subscription.isClosed()) return;
    this.#subscription.unsubscribe();
    const { stream, name } = this.#consumer;
    this.#jetStream.deleteConsumer(stream, name).catch(() => undefined);
  }

  #take(message: Msg): void {
    const { nth, sequence, storedMs, pending } = readReplyInfo(message);
    if (nth !== ++this.#delivered) {
      this.#fail(unavailable('a message of the stream was missed'));
      return;
    }
    const { subject, headers } = message;
    // The interface of a message does not say its size.
    const size = (message as MsgImpl).size();
    this.#taken.push({ sequence, subject, headers, time: new Date(storedMs), size });
    // The server does not say when a full batch has ended. Older servers do not say when a partial batch has ended
    // either.
    if (pending === 0 || this.#taken.length === this.#pull?.max) this.#pull?.done.resolve();
  }

  /** Handles the server's answer that there is no message. The answer may belong to an earlier batch. */
  #takeStatus({ subject, headers }: Msg): void {
    if (subject !== this.#pull?.reply) return;
    const code = headers?.code;
    if (code === NO_MESSAGES || code === REQUEST_TIMEOUT) this.#pull.done.resolve();
    else if (headers !== undefined) this.#fail(statusError(headers));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#pull?.done.resolve();
  }
}
