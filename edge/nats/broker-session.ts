/** What speaks to `nats.ws`, with `open-connection.ts` and the two readers: one open connection, until its loss. */
import {
  headers,
  type JetStreamClient,
  type JetStreamManager,
  type KV,
  type KvEntry,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  NatsError,
  type QueuedIterator,
} from 'nats.ws';
import { withDeadline } from '../../shared/deadline.ts';
import { unavailable } from '../../shared/errors.ts';
import { API_CODE, isWrongLastSequenceCode } from '../../shared/nats/api-codes.ts';
import { OPERATIONS_BUCKET } from '../../shared/nats/streams.ts';
import { HEADER } from '../../shared/wire/headers.ts';
import { brokerError } from './broker-error.ts';
import { type HeaderRange, HeaderReader } from './header-reader.ts';
import { Loss } from './loss.ts';
import { type BrokerSettings, openConnection } from './open-connection.ts';
import type { BucketChange, ConsumerPlace, StoredMessage, StreamExtent } from './stored-message.ts';
import {
  type Following,
  followSubject,
  readPage,
  type SubjectPage,
  type SubjectPageQuery,
} from './stream-reader.ts';

/** One connection to NATS. It is never repaired: when it is lost, {@link lost} happens and a new one is opened. */
export class BrokerSession {
  /** Happens once the connection is gone, for whatever reason. */
  readonly lost = new Loss();
  readonly #connection: NatsConnection;
  readonly #jetStream: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #timeoutMs: number;

  private constructor(connection: NatsConnection, manager: JetStreamManager, timeoutMs: number) {
    this.#connection = connection;
    this.#timeoutMs = timeoutMs;
    this.#jetStream = connection.jetstream({ timeout: timeoutMs });
    this.#manager = manager;
    const lose = (): void => this.lost.happen();
    void connection.closed().then(lose, lose);
  }

  /**
   * Connects, within `BROKER_TIMEOUT_MS`.
   * @param name shows on the server's connection list
   * @throws ThroughlineError `broker-unavailable` or `broker-refused`
   */
  static async open(settings: BrokerSettings, name: string): Promise<BrokerSession> {
    const timeoutMs = settings.BROKER_TIMEOUT_MS;
    const opening = openConnection(settings, name);
    // nats.ws has a time-out of its own, but it does not cover a socket that closes during its handshake.
    const late = (): Error => {
      opening.then((connection) => connection.close()).catch(() => undefined);
      return unavailable('no handshake in time');
    };
    try {
      const connection = await withDeadline(opening, timeoutMs, late);
      const manager = await connection.jetstreamManager({ timeout: timeoutMs, checkAPI: false });
      return new BrokerSession(connection, manager, timeoutMs);
    } catch (thrown) {
      throw brokerError(thrown);
    }
  }

  /** Of the server that this connection leads to. */
  get serverVersion(): string | undefined {
    return this.#connection.info?.version;
  }

  get isClosed(): boolean {
    return this.#connection.isClosed();
  }

  /**
   * Publishes to a stream and waits for its acknowledgement.
   * @returns whether JetStream already had a message with this `Nats-Msg-Id`
   * @throws ThroughlineError; `broker-unavailable` may mean that the message was stored and the answer was lost
   */
  async publish(
    subject: string,
    writeHeaders: (set: (name: string, value: string) => void) => void,
    body: Uint8Array,
  ): Promise<{ readonly duplicate: boolean }> {
    const messageHeaders = headers();
    writeHeaders((name, value) => messageHeaders.set(name, value));
    try {
      const ack = await this.#answer(this.#jetStream.publish(subject, body, { headers: messageHeaders }));
      return { duplicate: ack.duplicate };
    } catch (thrown) {
      throw brokerError(thrown);
    }
  }

  /**
   * Publishes where the last message on `subject` is still the one with this sequence (0: where there is none).
   * @returns whether the message was stored; false too where JetStream has one with its `Nats-Msg-Id`
   * @throws ThroughlineError as {@link publish}
   */
  async publishAfter(
    last: number,
    subject: string,
    writeHeaders: (set: (name: string, value: string) => void) => void,
    body: Uint8Array,
  ): Promise<boolean> {
    const messageHeaders = headers();
    writeHeaders((name, value) => messageHeaders.set(name, value));
    messageHeaders.set(HEADER.expectedLast, String(last));
    try {
      const ack = await this.#answer(this.#jetStream.publish(subject, body, { headers: messageHeaders }));
      return !ack.duplicate;
    } catch (thrown) {
      const code = thrown instanceof NatsError ? thrown.api_error?.err_code : undefined;
      if (isWrongLastSequenceCode(code)) return false;
      throw brokerError(thrown);
    }
  }

  /** Removes a message from a stream. @throws ThroughlineError */
  async remove(stream: string, sequence: number): Promise<void> {
    try {
      await this.#answer(this.#manager.streams.deleteMessage(stream, sequence, false));
    } catch (thrown) {
      throw brokerError(thrown);
    }
  }

  /** How far each consumer of a stream is. @throws ThroughlineError */
  async consumers(stream: string): Promise<ConsumerPlace[]> {
    const places: ConsumerPlace[] = [];
    const lister = this.#manager.consumers.list(stream);
    try {
      for (;;) {
        const page = await this.#answer(lister.next());
        if (page.length === 0) return places;
        for (const { config, delivered } of page) {
          for (const filter of config.filter_subjects ?? [config.filter_subject ?? '>']) {
            places.push({ filter, delivered: delivered.stream_seq });
          }
        }
      }
    } catch (thrown) {
      throw brokerError(thrown);
    }
  }

  /** The last message of a stream on `subject` (wildcards allowed), or undefined. @throws ThroughlineError */
  lastMessage(
    stream: string,
    subject: string,
    streamMayBeMissing = false,
  ): Promise<StoredMessage | undefined> {
    return this.#message(stream, { last_by_subj: subject }, streamMayBeMissing);
  }

  /**
   * The first message of a stream on `subject` (wildcards allowed) at `seq` or behind it, or undefined.
   * @throws ThroughlineError
   */
  nextMessage(stream: string, subject: string, seq: number): Promise<StoredMessage | undefined> {
    // The server knows this question since 2.9, the client's types do not.
    const query = { seq, next_by_subj: subject } as { seq: number };
    return this.#message(stream, query);
  }

  async #message(
    stream: string,
    query: { readonly seq: number } | { readonly last_by_subj: string },
    streamMayBeMissing = false,
  ): Promise<StoredMessage | undefined> {
    try {
      const message = await this.#answer(this.#manager.streams.getMessage(stream, query));
      return {
        subject: message.subject,
        sequence: message.seq,
        data: message.data,
        headers: message.header,
        time: message.time,
      };
    } catch (thrown) {
      if (isApiError(thrown, API_CODE.messageNotFound)) return undefined;
      if (streamMayBeMissing && isApiError(thrown, API_CODE.streamNotFound)) return undefined;
      throw brokerError(thrown);
    }
  }

  /** Deletes what a stream holds on `subject` (wildcards allowed) up to and with `seq`. @throws ThroughlineError */
  async deleteUpTo(stream: string, subject: string, seq: number): Promise<void> {
    try {
      await this.#answer(this.#manager.streams.purge(stream, { filter: subject, seq: seq + 1 }));
    } catch (thrown) {
      throw brokerError(thrown);
    }
  }

  /** Stored messages of one subject, in order: at most one page of them. @throws ThroughlineError */
  async page(stream: string, query: SubjectPageQuery): Promise<SubjectPage> {
    try {
      return await readPage(this.#connection, stream, query, (page) => this.#answer(page));
    } catch (thrown) {
      throw brokerError(thrown);
    }
  }

  /** What a stream holds now. @throws ThroughlineError */
  async extent(stream: string): Promise<StreamExtent> {
    try {
      const { created, state } = await this.#answer(this.#manager.streams.info(stream));
      return { created, first: state.first_seq, last: state.last_seq };
    } catch (thrown) {
      throw brokerError(thrown);
    }
  }

  /** A reader of the headers of a stream's messages, see {@link HeaderReader}. @throws ThroughlineError */
  async readHeaders(stream: string, range: HeaderRange): Promise<HeaderReader> {
    try {
      return await HeaderReader.open(this.#connection, this.#manager, stream, range, (call) =>
        this.#answer(call),
      );
    } catch (thrown) {
      throw brokerError(thrown);
    }
  }

  /**
   * Follows what is stored on one subject, see {@link followSubject}.
   * @returns what stops it
   * @throws ThroughlineError `broker-unavailable`
   */
  async follow(stream: string, following: Following): Promise<() => void> {
    try {
      return await followSubject(this.#connection, this.#manager, stream, following, (call) =>
        this.#answer(call),
      );
    } catch (thrown) {
      throw brokerError(thrown);
    }
  }

  /** Calls `take` for each message on `subject` until the returned function is called. */
  subscribe(subject: string, take: (data: Uint8Array, headers: MsgHdrs | undefined) => void): () => void {
    const subscription = this.#connection.subscribe(subject, {
      callback: (error: Error | null, message: Msg) => {
        if (error === null) take(message.data, message.headers);
      },
    });
    return () => {
      if (!subscription.isClosed()) subscription.unsubscribe();
    };
  }

  /**
   * Follows the `OPERATIONS` bucket: first every key it holds, then each change. Resolves after the last of the keys
   * that were there.
   * @param take gets each key
   * @param onEnd called once when nothing more will come
   * @throws ThroughlineError `broker-unavailable`, where the bucket is not there yet too
   */
  async watchOperations(take: (change: BucketChange) => void, onEnd: () => void): Promise<void> {
    const { promise: complete, resolve: initializedFn } = Promise.withResolvers<void>();
    try {
      const bucket = await this.#answer(this.#bucket());
      const entries = await this.#answer(bucket.watch({ initializedFn }));
      const ended = follow(entries, take);
      await this.#answer(complete).catch((thrown: unknown) => {
        // The caller starts anew; this watch must not go on behind the back of the next one.
        entries.stop();
        throw thrown;
      });
      void ended.then(onEnd, onEnd);
    } catch (thrown) {
      throw brokerError(thrown);
    }
  }

  /** The value that `key` of the `OPERATIONS` bucket has now. @throws ThroughlineError */
  async operation(key: string): Promise<Uint8Array | undefined> {
    try {
      const bucket = await this.#answer(this.#bucket());
      const entry = await this.#answer(bucket.get(key));
      return entry?.operation === 'PUT' ? entry.value : undefined;
    } catch (thrown) {
      throw brokerError(thrown);
    }
  }

  /** Round trip to the server and back, in milliseconds. @throws ThroughlineError `broker-unavailable` */
  async ping(timeoutMs: number): Promise<number> {
    try {
      return await withDeadline(this.#connection.rtt(), timeoutMs, () => unavailable('no pong in time'));
    } catch (thrown) {
      throw brokerError(thrown);
    }
  }

  /** Lets go of the connection without waiting: a dead socket would never finish its closing handshake. */
  close(): void {
    this.#connection.close().catch(() => undefined);
  }

  #bucket(): Promise<KV> {
    return this.#jetStream.views.kv(OPERATIONS_BUCKET, { bindOnly: true });
  }

  /** Every wait has a deadline, and none outlives the connection: nats.ws leaves some calls open when it is lost. */
  #answer<T>(call: Promise<T>): Promise<T> {
    const inTime = withDeadline(call, this.#timeoutMs, () => unavailable('no answer in time'));
    return this.lost.race(inTime, (): never => {
      throw unavailable('the connection was lost');
    });
  }
}

function isApiError(thrown: unknown, code: number): boolean {
  return thrown instanceof NatsError && thrown.api_error?.err_code === code;
}

async function follow(entries: QueuedIterator<KvEntry>, take: (change: BucketChange) => void): Promise<void> {
  for await (const { key, operation, value } of entries) {
    take({ key, value: operation === 'PUT' ? value : undefined });
  }
}
