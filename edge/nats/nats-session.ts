import { type MsgHdrs, MsgHdrsImpl, type NatsConnection } from '@nats-io/nats-core';
import { TenantTurns } from '../../shared/collections/tenant-turns.ts';
import { withDeadline } from '../../shared/deadline.ts';
import { type ThroughlineError, unavailable } from '../../shared/errors.ts';
import { API_CODE, isWrongLastSequenceCode } from '../../shared/nats/api-error.ts';
import { headerSetter } from '../../shared/nats/client/header-setter.ts';
import { JOB_BYTES, LARGEST_MESSAGE_BYTES } from '../../shared/nats/message-sizes.ts';
import { Denials, type TellDenial } from '../../shared/nats/permissions/denials.ts';
import { EDGE_PERMISSIONS } from '../../shared/nats/permissions/edge.ts';
import { capOf, tenantShareOf } from '../../shared/nats/store-caps.ts';
import {
  DELAYED_STREAM,
  filtersOf,
  JOBS_STREAM,
  OPERATIONS_BUCKET,
  OPERATIONS_STREAM,
} from '../../shared/nats/streams.ts';
import { HEADER } from '../../shared/wire/headers.ts';
import { tenantIn } from '../../shared/wire/subjects.ts';
import { brokerError, isSilence, JetStreamError } from './broker-error.ts';
import type { BrokerSession, MessageReads, Shortcomings, WriteHeaders } from './broker-session.ts';
import { type HeaderRange, type HeaderReader, openHeaderReader } from './header-reader.ts';
import { bucketKeys, valueIn, watchBucket } from './jetstream/bucket-watch.ts';
import { JetStream, type MessageQuery } from './jetstream/jetstream.ts';
import { Requests } from './jetstream/requests.ts';
import { type Following, followSubject } from './jetstream/subject-follower.ts';
import { Loss } from './loss.ts';
import { type BrokerSettings, openConnection } from './open-connection.ts';
import { SharedSubscriptions, type TakeMessage } from './shared-subscriptions.ts';
import { Stalls } from './stalls.ts';
import type { BucketChange, ConsumerPlace, StoredMessage, StreamExtent } from './stored-message.ts';
import { readPage, type SubjectPage, type SubjectPageQuery } from './subject-page.ts';
import { askDenials, followRefusals } from './watch-denials.ts';

/** How long NATS may take to answer a ping, after it has not answered a message. */
const PING_MS = 2_000;
/**
 * How many bytes NATS may send at a time in answer to reads of one tenant. nats-server closes a connection that it cannot send 64 MiB
 * to (`max_pending`), and all tenants share the connection.
 */
const READ_BYTES = 32 * 1024 * 1024;
/** No tenant can have this name. */
const OUTBOX_TURNS = '.';

/**
 * Connects to NATS, within `BROKER_TIMEOUT_MS`.
 * @param name shown in the server's list of connections
 * @param lastServer is tried first: the server of the session before
 * @param onDenied is called once for each thing that NATS does not let this session do
 * @throws ThroughlineError `broker-unavailable` or `broker-refused`
 */
export async function openSession(
  settings: BrokerSettings,
  name: string,
  lastServer?: string,
  onDenied: TellDenial = () => undefined,
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
    const denials = new Denials(EDGE_PERMISSIONS, onDenied);
    const following = followRefusals(connection, denials);
    void askDenials(connection, denials, timeoutMs);
    const session = new NatsSession({ connection, server, timeoutMs, denials });
    const close = (): void => session.close();
    void connection.closed().then(close, close);
    void following.then(close);
    return session;
  } catch (thrown) {
    throw brokerError(thrown);
  }
}

interface SessionParts {
  readonly connection: NatsConnection;
  readonly server: string;
  readonly timeoutMs: number;
  readonly denials: Denials;
}

/** A {@link BrokerSession} over a connection of the NATS client. */
class NatsSession implements BrokerSession {
  readonly lost = new Loss();
  readonly outboxReads: MessageReads = {
    lastMessage: (stream, subject, streamMayBeMissing = false) =>
      this.#lastMessage(OUTBOX_TURNS, stream, subject, streamMayBeMissing),
  };
  readonly server: string;
  readonly #connection: NatsConnection;
  readonly #jetStream: JetStream;
  readonly #timeoutMs: number;
  readonly #denials: Denials;
  readonly #stalls = new Stalls();
  readonly #reads = new TenantTurns(READ_BYTES);
  readonly #subscriptions: SharedSubscriptions;

  constructor({ connection, server, timeoutMs, denials }: SessionParts) {
    this.#denials = denials;
    this.server = server;
    this.#connection = connection;
    this.#subscriptions = new SharedSubscriptions(connection);
    this.#timeoutMs = timeoutMs;
    const requests = new Requests(connection, timeoutMs);
    this.lost.listen(() => requests.endAll(connectionLost()));
    this.#jetStream = new JetStream(connection, requests, (call) => this.#answer(call));
  }

  get serverVersion(): string | undefined {
    return this.#connection.info?.version;
  }

  get mayLag(): boolean {
    return this.#connection.info?.cluster !== undefined;
  }

  get isClosed(): boolean {
    return this.lost.hasHappened || this.#connection.isClosed();
  }

  async shortcomings(): Promise<Shortcomings> {
    // Without a leader, the error is noted.
    const asking =
      this.mayLag && this.#call(() => this.#jetStream.askLeader(JOBS_STREAM)).catch(() => undefined);
    await askDenials(this.#connection, this.#denials, this.#timeoutMs);
    await asking;
    const { problems, warnings, limit } = this.#denials;
    return {
      problems: [...this.#stalls.problems(Date.now()), ...problems],
      warnings: limit === undefined ? warnings : [...warnings, limit],
    };
  }

  async publish(
    subject: string,
    writeHeaders: WriteHeaders,
    body: Uint8Array,
  ): Promise<{ readonly duplicate: boolean }> {
    const messageHeaders = headersOf(writeHeaders);
    try {
      const duplicate = await this.#jetStream.publish(subject, body, messageHeaders);
      this.#stalls.stored(subject);
      return { duplicate };
    } catch (thrown) {
      this.#noteUnstored(subject, thrown);
      throw brokerError(thrown);
    }
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
        const duplicate = await this.#jetStream.publish(subject, body, messageHeaders);
        this.#stalls.stored(subject);
        return !duplicate;
      } catch (thrown) {
        this.#noteUnstored(subject, thrown);
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
    return this.#lastMessage(tenantIn(subject), stream, subject, streamMayBeMissing);
  }

  #lastMessage(
    turns: string,
    stream: string,
    subject: string,
    streamMayBeMissing: boolean,
  ): Promise<StoredMessage | undefined> {
    return this.#read(turns, answerBytes(stream), () =>
      this.#message(stream, { last_by_subj: subject }, streamMayBeMissing),
    );
  }

  nextMessage(stream: string, subject: string, seq: number): Promise<StoredMessage | undefined> {
    return this.#read(tenantIn(subject), answerBytes(stream), () =>
      this.#message(stream, { seq, next_by_subj: subject }),
    );
  }

  /**
   * Reads messages when there is room for the largest answer. It waits for room as long as for an answer.
   * @param turns whose turns it takes: a tenant's, or those of the outbox
   */
  #read<T>(turns: string, bytes: number, ask: () => Promise<T>): Promise<T> {
    const since = performance.now();
    return this.#reads.take(turns, bytes, () => {
      // Its caller has gone. Without this, more and more reads would wait while NATS is slow.
      if (performance.now() - since >= this.#timeoutMs) throw unavailable('no answer in time');
      return ask();
    });
  }

  #message(
    stream: string,
    query: MessageQuery,
    streamMayBeMissing = false,
  ): Promise<StoredMessage | undefined> {
    return this.#call(async () => {
      try {
        return await this.#jetStream.message(stream, query);
      } catch (thrown) {
        const code = apiCodeOf(thrown);
        if (code === API_CODE.messageNotFound) return undefined;
        if (code === API_CODE.streamNotFound && streamMayBeMissing) return undefined;
        throw thrown;
      }
    });
  }

  page(stream: string, query: SubjectPageQuery): Promise<SubjectPage> {
    // NATS ends a page after the message that is too much.
    return this.#read(tenantIn(query.subject), query.maxBytes + LARGEST_MESSAGE_BYTES, () =>
      this.#call(() => readPage(this.#jetStream, stream, query)),
    );
  }

  readHeaders(stream: string, range: HeaderRange): Promise<HeaderReader> {
    return this.#call(() => openHeaderReader(this.#jetStream, stream, range));
  }

  follow(stream: string, following: Following): Promise<() => void> {
    return this.#call(() => followSubject(this.#jetStream, stream, following));
  }

  remove(stream: string, sequence: number): Promise<void> {
    return this.#call(() => this.#jetStream.deleteMessage(stream, sequence));
  }

  deleteUpTo(stream: string, subject: string, seq: number): Promise<void> {
    return this.#call(() => this.#jetStream.purge(stream, { filter: subject, seq: seq + 1 }));
  }

  consumers(stream: string): Promise<ConsumerPlace[]> {
    return this.#call(async () => {
      const consumers = await this.#jetStream.consumers(stream);
      return consumers.flatMap(({ config, delivered }) =>
        // The consumer of a stream that mirrors this one, or has it as a source, takes no job.
        config.sourcing
          ? []
          : filtersOf(config, '>').map((filter) => ({ filter, delivered: delivered.stream_seq })),
      );
    });
  }

  extent(stream: string): Promise<StreamExtent> {
    return this.#call(async () => {
      const { created, state, config } = await this.#jetStream.streamState(stream);
      return {
        created,
        first: state.first_seq,
        firstMs: Date.parse(state.first_ts),
        last: state.last_seq,
        bytes: state.bytes,
        cap: capOf(config),
        tenantShare: tenantShareOf(config),
      };
    });
  }

  subscribe(subject: string, take: TakeMessage): () => void {
    return this.#subscriptions.add(subject, take);
  }

  watchBucket(bucket: string, take: (change: BucketChange) => void, onEnd: () => void): Promise<void> {
    return this.#call(() => watchBucket(this.#jetStream, bucket, take, onEnd));
  }

  async operation(key: string): Promise<Uint8Array | undefined> {
    const subject = `${bucketKeys(OPERATIONS_BUCKET)}${key}`;
    const message = await this.#message(OPERATIONS_STREAM, { last_by_subj: subject }, true);
    return message?.subject === subject ? valueIn(message) : undefined;
  }

  ping(timeoutMs: number): Promise<number> {
    return this.#call(() =>
      withDeadline(this.#connection.rtt(), timeoutMs, () => unavailable('no pong in time')),
    );
  }

  close(): void {
    // The client's own end of the connection may never come, see `followRefusals`.
    this.lost.happen();
    this.#connection.close().catch(() => undefined);
  }

  /** Learns from an error, or from the absence of an answer, whether NATS stores messages on a subject. */
  #noteUnstored(subject: string, thrown: unknown): void {
    if (isSilence(thrown))
      void this.ping(PING_MS).then(() => this.#stalls.notStored(subject, Date.now()), noAnswer);
    else this.#stalls.stored(subject);
  }

  /** Runs `work`, and turns the client's errors into our own. That JetStream has no leader is noted. */
  async #call<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      if (apiCodeOf(thrown) === API_CODE.noLeader) this.#stalls.noLeader(Date.now());
      throw brokerError(thrown);
    }
  }

  /**
   * Waits for one answer, or for the loss of the connection: the client leaves some calls open when the connection
   * is lost.
   */
  #answer<T>(call: Promise<T>): Promise<T> {
    const inTime = withDeadline(call, this.#timeoutMs, () => unavailable('no answer in time'));
    return this.lost.race(inTime, (): never => {
      throw connectionLost();
    });
  }
}

/** The size of the largest answer with one message of a stream, which is in base64. */
function answerBytes(stream: string): number {
  const isOfJobs = stream === JOBS_STREAM || stream === DELAYED_STREAM;
  return Math.ceil(((isOfJobs ? JOB_BYTES : LARGEST_MESSAGE_BYTES) * 4) / 3);
}

function connectionLost(): ThroughlineError {
  return unavailable('the connection was lost');
}

/** Does nothing: other code drops a connection that does not answer. */
const noAnswer = (): void => undefined;

function headersOf(writeHeaders: WriteHeaders): MsgHdrs {
  const messageHeaders = new MsgHdrsImpl();
  writeHeaders(headerSetter(messageHeaders));
  return messageHeaders;
}

function apiCodeOf(thrown: unknown): number | undefined {
  return thrown instanceof JetStreamError ? thrown.answer.err_code : undefined;
}
