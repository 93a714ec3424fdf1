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
import { API_CODE, isWrongLastSequenceCode } from '../../shared/nats/api-error.ts';
import { Denials } from '../../shared/nats/permissions/denials.ts';
import { EDGE_PERMISSIONS } from '../../shared/nats/permissions/edge.ts';
import { OPERATIONS_BUCKET } from '../../shared/nats/streams.ts';
import { HEADER } from '../../shared/wire/headers.ts';
import { brokerError } from './broker-error.ts';
import type { BrokerSession, Shortcomings, WriteHeaders } from './broker-session.ts';
import { type HeaderRange, type HeaderReader, openHeaderReader } from './header-reader.ts';
import { Loss } from './loss.ts';
import { type BrokerSettings, openConnection } from './open-connection.ts';
import { Stalls } from './stalls.ts';
import type { BucketChange, ConsumerPlace, StoredMessage, StreamExtent } from './stored-message.ts';
import { type Following, followSubject } from './subject-follower.ts';
import { readPage, type SubjectPage, type SubjectPageQuery } from './subject-page.ts';
import { askDenials, followRefusals } from './watch-denials.ts';

/** How long NATS may take to show that it answers, after it has not answered a message. */
const PING_MS = 2_000;

/**
 * Connects to NATS, within `BROKER_TIMEOUT_MS`.
 * @param name shown in the server's list of connections
 * @param lastServer is tried first: the server of the session before
 * @param onDenied is called once for each permission that turns out to be missing
 * @throws ThroughlineError `broker-unavailable` or `broker-refused`
 */
export async function openSession(
  settings: BrokerSettings,
  name: string,
  lastServer?: string,
  onDenied: (sentence: string) => void = () => undefined,
): Promise<BrokerSession> {
  const timeoutMs = settings.BROKER_TIMEOUT_MS;
  const opening = openConnection(settings, name, lastServer);
  // The client's own time limit does not cover a socket that closes during its handshake.
  const late = (): Error => {
    opening.then(({ connection }) => connection.close()).catch(() => undefined);
    return unavailable('no handshake in time');
  };
  try {
    const { connection, server } = await withDeadline(opening, timeoutMs, late);
    const manager = await connection.jetstreamManager({ timeout: timeoutMs, checkAPI: false });
    const denials = new Denials(EDGE_PERMISSIONS, onDenied);
    void followRefusals(connection, denials);
    void askDenials(connection, denials, timeoutMs);
    const session = new NatsSession({ connection, server, manager, timeoutMs, denials });
    const lose = (): void => session.lost.happen();
    void connection.closed().then(lose, lose);
    return session;
  } catch (thrown) {
    throw brokerError(thrown);
  }
}

interface SessionParts {
  readonly connection: NatsConnection;
  readonly server: string;
  readonly manager: JetStreamManager;
  readonly timeoutMs: number;
  readonly denials: Denials;
}

/** A {@link BrokerSession} over a connection of `nats.ws`. */
class NatsSession implements BrokerSession {
  readonly lost = new Loss();
  readonly server: string;
  readonly #connection: NatsConnection;
  readonly #jetStream: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #timeoutMs: number;
  readonly #denials: Denials;
  readonly #stalls = new Stalls();

  constructor({ connection, server, manager, timeoutMs, denials }: SessionParts) {
    this.#denials = denials;
    this.server = server;
    this.#connection = connection;
    this.#timeoutMs = timeoutMs;
    this.#jetStream = connection.jetstream({ timeout: timeoutMs });
    this.#manager = manager;
  }

  get serverVersion(): string | undefined {
    return this.#connection.info?.version;
  }

  get isClosed(): boolean {
    return this.#connection.isClosed();
  }

  async shortcomings(): Promise<Shortcomings> {
    await askDenials(this.#connection, this.#denials, this.#timeoutMs);
    const { problems, warnings } = this.#denials;
    return { problems: [...this.#stalls.problems(Date.now()), ...problems], warnings };
  }

  async publish(
    subject: string,
    writeHeaders: WriteHeaders,
    body: Uint8Array,
  ): Promise<{ readonly duplicate: boolean }> {
    const messageHeaders = headersOf(writeHeaders);
    return await this.#call(async () => {
      const ack = this.#answer(this.#jetStream.publish(subject, body, { headers: messageHeaders }));
      const { duplicate } = await this.#watchStore(subject, ack);
      return { duplicate };
    });
  }

  async publishAfter(
    last: number,
    subject: string,
    writeHeaders: WriteHeaders,
    body: Uint8Array,
  ): Promise<boolean> {
    const messageHeaders = headersOf(writeHeaders);
    messageHeaders.set(HEADER.expectedLast, String(last));
    return await this.#call(async () => {
      try {
        const ack = this.#answer(this.#jetStream.publish(subject, body, { headers: messageHeaders }));
        return !(await this.#watchStore(subject, ack)).duplicate;
      } catch (thrown) {
        if (isWrongLastSequenceCode(apiCodeOf(thrown))) return false;
        throw thrown;
      }
    });
  }

  lastMessage(
    stream: string,
    subject: string,
    streamMayBeMissing = false,
  ): Promise<StoredMessage | undefined> {
    return this.#message(stream, { last_by_subj: subject }, streamMayBeMissing);
  }

  nextMessage(stream: string, subject: string, seq: number): Promise<StoredMessage | undefined> {
    // The server knows this question since version 2.9; the client's types do not know it.
    const query = { seq, next_by_subj: subject } as { seq: number };
    return this.#message(stream, query);
  }

  #message(
    stream: string,
    query: { readonly seq: number } | { readonly last_by_subj: string },
    streamMayBeMissing = false,
  ): Promise<StoredMessage | undefined> {
    return this.#call(async () => {
      try {
        const message = await this.#answer(this.#manager.streams.getMessage(stream, query));
        const { subject, seq: sequence, data, header, time } = message;
        return { subject, sequence, data, headers: header, time };
      } catch (thrown) {
        const code = apiCodeOf(thrown);
        if (code === API_CODE.messageNotFound) return undefined;
        if (code === API_CODE.streamNotFound && streamMayBeMissing) return undefined;
        throw thrown;
      }
    });
  }

  page(stream: string, query: SubjectPageQuery): Promise<SubjectPage> {
    return this.#call(() => readPage(this.#connection, stream, query, (page) => this.#answer(page)));
  }

  readHeaders(stream: string, range: HeaderRange): Promise<HeaderReader> {
    return this.#call(() =>
      openHeaderReader(this.#connection, this.#manager, stream, range, (call) => this.#answer(call)),
    );
  }

  follow(stream: string, following: Following): Promise<() => void> {
    return this.#call(() =>
      followSubject(this.#connection, this.#manager, stream, following, (call) => this.#answer(call)),
    );
  }

  async remove(stream: string, sequence: number): Promise<void> {
    await this.#call(() => this.#answer(this.#manager.streams.deleteMessage(stream, sequence, false)));
  }

  async deleteUpTo(stream: string, subject: string, seq: number): Promise<void> {
    const range = { filter: subject, seq: seq + 1 };
    await this.#call(() => this.#answer(this.#manager.streams.purge(stream, range)));
  }

  consumers(stream: string): Promise<ConsumerPlace[]> {
    return this.#call(async () => {
      const places: ConsumerPlace[] = [];
      const lister = this.#manager.consumers.list(stream);
      for (;;) {
        const page = await this.#answer(lister.next());
        if (page.length === 0) return places;
        for (const { config, delivered } of page) {
          for (const filter of config.filter_subjects ?? [config.filter_subject ?? '>']) {
            places.push({ filter, delivered: delivered.stream_seq });
          }
        }
      }
    });
  }

  extent(stream: string): Promise<StreamExtent> {
    return this.#call(async () => {
      const { created, state } = await this.#answer(this.#manager.streams.info(stream));
      return { created, first: state.first_seq, last: state.last_seq };
    });
  }

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

  watchBucket(name: string, take: (change: BucketChange) => void, onEnd: () => void): Promise<void> {
    return this.#call(async () => {
      const { promise: complete, resolve: initializedFn } = Promise.withResolvers<void>();
      const bucket = await this.#answer(this.#bucket(name));
      const entries = await this.#answer(bucket.watch({ initializedFn }));
      const ended = forEachChange(entries, take);
      await this.#answer(complete).catch((thrown: unknown) => {
        // The caller starts another watch, so this one must stop.
        entries.stop();
        throw thrown;
      });
      void ended.then(onEnd, onEnd);
    });
  }

  operation(key: string): Promise<Uint8Array | undefined> {
    return this.#call(async () => {
      const bucket = await this.#answer(this.#bucket(OPERATIONS_BUCKET));
      const entry = await this.#answer(bucket.get(key));
      return entry?.operation === 'PUT' ? entry.value : undefined;
    });
  }

  ping(timeoutMs: number): Promise<number> {
    return this.#call(() =>
      withDeadline(this.#connection.rtt(), timeoutMs, () => unavailable('no pong in time')),
    );
  }

  close(): void {
    this.#connection.close().catch(() => undefined);
  }

  #bucket(name: string): Promise<KV> {
    return this.#jetStream.views.kv(name, { bindOnly: true });
  }

  /** Learns from an answer, or from its absence, whether NATS stores messages on a subject. */
  async #watchStore<T>(subject: string, ack: Promise<T>): Promise<T> {
    try {
      const stored = await ack;
      this.#stalls.stored(subject);
      return stored;
    } catch (thrown) {
      if (isSilence(thrown))
        void this.ping(PING_MS).then(() => this.#stalls.notStored(subject, Date.now()), noAnswer);
      else this.#stalls.stored(subject);
      throw thrown;
    }
  }

  /** Runs `work`, and turns the client's errors into our own. */
  async #call<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      throw brokerError(thrown);
    }
  }

  /**
   * Waits for one answer, or for the loss of the connection: nats.ws leaves some calls open when the connection is
   * lost.
   */
  #answer<T>(call: Promise<T>): Promise<T> {
    const inTime = withDeadline(call, this.#timeoutMs, () => unavailable('no answer in time'));
    return this.lost.race(inTime, (): never => {
      throw unavailable('the connection was lost');
    });
  }
}

/** A connection that does not answer is dropped by others. */
const noAnswer = (): void => undefined;

/** Whether NATS has not answered; a refusal is an answer. */
function isSilence(thrown: unknown): boolean {
  if (thrown instanceof NatsError) return thrown.code === 'TIMEOUT';
  return brokerError(thrown).code === 'broker-unavailable';
}

function headersOf(writeHeaders: WriteHeaders): MsgHdrs {
  const messageHeaders = headers();
  writeHeaders((name, value) => messageHeaders.set(name, value));
  return messageHeaders;
}

function apiCodeOf(thrown: unknown): number | undefined {
  return thrown instanceof NatsError ? thrown.api_error?.err_code : undefined;
}

async function forEachChange(
  entries: QueuedIterator<KvEntry>,
  take: (change: BucketChange) => void,
): Promise<void> {
  for await (const { key, revision: sequence, operation, value } of entries) {
    take({ key, sequence, value: operation === 'PUT' ? value : undefined });
  }
}
