import { type Msg, type MsgHdrs, MsgHdrsImpl, type NatsConnection } from '@nats-io/nats-core';
import { fromBase64 } from '../../../shared/bytes.ts';
import type { StreamLimits } from '../../../shared/nats/store-caps.ts';
import { type ApiError, JetStreamError } from '../broker-error.ts';
import type { StoredMessage } from '../stored-message.ts';
import type { Requests } from './requests.ts';

/** Adds the deadline of a session to a call, and ends the call when the connection is lost. */
type Answer = <T>(call: Promise<T>) => Promise<T>;

/** Which message of a stream to read: the last one on a subject, or the first one on a subject from `seq` on. */
export type MessageQuery =
  | { readonly last_by_subj: string }
  | { readonly seq: number; readonly next_by_subj: string };

/** A new consumer, as the API of JetStream describes it. Times are in nanoseconds. */
export interface ConsumerConfig {
  readonly name: string;
  readonly filter_subject: string;
  readonly deliver_policy: 'by_start_sequence' | 'last_per_subject';
  readonly opt_start_seq?: number;
  readonly ack_policy: 'none';
  readonly deliver_subject?: string;
  readonly flow_control?: boolean;
  readonly idle_heartbeat?: number;
  readonly max_deliver?: number;
  readonly headers_only?: boolean;
  readonly mem_storage: boolean;
  readonly num_replicas: number;
  readonly inactive_threshold: number;
}

/** The part of a consumer's state that we read. */
interface ConsumerState {
  readonly config: {
    readonly filter_subject?: string;
    readonly filter_subjects?: readonly string[];
    /** Whether it feeds another stream. */
    readonly sourcing?: boolean;
  };
  /** How far it has read. */
  readonly delivered: { readonly consumer_seq: number; readonly stream_seq: number };
  /** How many messages it has to deliver. */
  readonly num_pending: number;
}

/** The part of a stream's state that we read. */
interface StreamState {
  readonly created: string;
  readonly config: StreamLimits;
  readonly state: {
    readonly first_seq: number;
    readonly first_ts: string;
    readonly last_seq: number;
    readonly bytes: number;
  };
}

interface PublishAck {
  readonly duplicate?: boolean;
}

/** A message in an answer. Headers and body are in base64. */
interface EncodedMessage {
  readonly subject: string;
  readonly seq: number;
  readonly hdrs?: string;
  readonly data?: string;
  readonly time: string;
}

/**
 * The requests to JetStream that the edge makes (https://docs.nats.io/reference/reference-protocols/nats_api_reference).
 * Each one throws a `JetStreamError` when JetStream refuses it, and an error of the NATS client or of {@link answer}
 * when no answer comes.
 */
export class JetStream {
  readonly connection: NatsConnection;
  /** Limits how long a call may wait for an answer. */
  readonly answer: Answer;
  /** The last ack, so that one is alive: V8 discards compiled code for a kind of objects when it has collected all of them. */
  keptAck: PublishAck | undefined;
  readonly #requests: Requests;

  constructor(connection: NatsConnection, requests: Requests, answer: Answer) {
    this.connection = connection;
    this.answer = answer;
    this.#requests = requests;
  }

  /** Publishes to a stream. @returns whether the stream already had a message with this `Nats-Msg-Id` */
  publish(subject: string, body: Uint8Array, headers: MsgHdrs): Promise<boolean> {
    return this.#requests.send(subject, body, headers).then((message) => {
      const ack = read<PublishAck>(message);
      this.keptAck = ack;
      return ack.duplicate === true;
    });
  }

  /** Reads one message of a stream. */
  async message(stream: string, query: MessageQuery): Promise<StoredMessage> {
    const { message } = await this.#ask<{ message: EncodedMessage }>(`STREAM.MSG.GET.${stream}`, query);
    const { subject, seq: sequence, hdrs, data = '', time } = message;
    const headers = hdrs === undefined ? undefined : MsgHdrsImpl.decode(fromBase64(hdrs));
    return { subject, sequence, headers, data: fromBase64(data), time: new Date(time) };
  }

  /** Deletes a message, without overwriting its bytes. */
  async deleteMessage(stream: string, sequence: number): Promise<void> {
    await this.#ask(`STREAM.MSG.DELETE.${stream}`, { seq: sequence, no_erase: true });
  }

  /** Deletes the messages on `filter` whose sequence is below `seq`. */
  async purge(stream: string, range: { readonly filter: string; readonly seq: number }): Promise<void> {
    await this.#ask(`STREAM.PURGE.${stream}`, range);
  }

  /** Reads the state of a stream. */
  streamState(stream: string): Promise<StreamState> {
    return this.#ask(`STREAM.INFO.${stream}`);
  }

  /** Creates a consumer. The subject of the request names the consumer and its filter, so that NATS can permit this request alone. */
  createConsumer(stream: string, config: ConsumerConfig): Promise<ConsumerState> {
    const { name, filter_subject: filter } = config;
    return this.#ask(`CONSUMER.CREATE.${stream}.${name}.${filter}`, { stream_name: stream, config });
  }

  async deleteConsumer(stream: string, name: string): Promise<void> {
    await this.#ask(`CONSUMER.DELETE.${stream}.${name}`);
  }

  /** All consumers of a stream. The server gives them in pages. */
  async consumers(stream: string): Promise<ConsumerState[]> {
    const all: ConsumerState[] = [];
    for (;;) {
      const page = await this.#ask<{ total: number; consumers: ConsumerState[] | null }>(
        `CONSUMER.LIST.${stream}`,
        { offset: all.length },
      );
      const consumers = page.consumers ?? [];
      all.push(...consumers);
      if (consumers.length === 0 || all.length >= page.total) return all;
    }
  }

  /** Asks the leader of the cluster for an empty page, to see whether it answers. Streams answer without a leader. */
  async askLeader(stream: string): Promise<void> {
    await this.#ask(`CONSUMER.LIST.${stream}`, { offset: 1e9 });
  }

  /**
   * Asks for messages by direct get, which any replica of the stream may answer.
   * @param isLast gets each message, and says whether it ends the answer
   */
  async directGet(stream: string, query: object, isLast: (message: Msg) => boolean): Promise<void> {
    await this.#requests.send(`$JS.API.DIRECT.GET.${stream}`, JSON.stringify(query), undefined, isLast);
  }

  async #ask<T>(call: string, question?: object): Promise<T> {
    const body = question === undefined ? '' : JSON.stringify(question);
    return read<T>(await this.#requests.send(`$JS.API.${call}`, body));
  }
}

/** Reads an answer. @throws JetStreamError if it refuses the request */
function read<T>(message: Msg): T {
  const answer = message.json<T & { readonly error?: ApiError }>();
  if (answer.error !== undefined) throw new JetStreamError(answer.error);
  return answer;
}
