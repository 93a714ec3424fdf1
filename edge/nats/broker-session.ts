import type { NatsHeadersLike } from '../../shared/propagation/index.ts';
import type { SetHeader } from '../../shared/wire/headers.ts';
import type { HeaderRange, HeaderReader } from './header-reader.ts';
import type { Following } from './jetstream/subject-follower.ts';
import type { Loss } from './loss.ts';
import type { BucketChange, ConsumerPlace, StoredMessage, StreamExtent } from './stored-message.ts';
import type { SubjectPage, SubjectPageQuery } from './subject-page.ts';

/** Writes the headers of a message, one call of `set` for each. */
export type WriteHeaders = (set: SetHeader) => void;

/** What {@link BrokerSession.shortcomings} gives. */
export interface Shortcomings {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** Reads single messages. */
export type MessageReads = Pick<BrokerSession, 'lastMessage'>;

/**
 * One open connection to NATS. A session is never repaired: if it is lost, {@link lost} happens, and a new session is
 * opened. Every call has a deadline (`BROKER_TIMEOUT_MS`) and throws a ThroughlineError; `broker-unavailable` says that
 * NATS did not answer.
 */
export interface BrokerSession {
  /** Happens once the connection is gone, for any reason. */
  readonly lost: Loss;
  /** The server of `NATS_URL` at the other end. */
  readonly server: string;
  /** Version of the server at the other end; undefined if the server did not say. */
  readonly serverVersion: string | undefined;
  readonly isClosed: boolean;

  /**
   * What this session needs of NATS and does not get although NATS answers: a sentence for each. The bridge cannot work without
   * what `problems` names. It can work without what `warnings` names.
   */
  shortcomings(): Promise<Shortcomings>;

  /**
   * Publishes to a stream and waits for its acknowledgement.
   * @returns whether JetStream already had a message with this `Nats-Msg-Id`
   * @throws ThroughlineError; after `broker-unavailable` the message may be stored: only the answer was lost
   */
  publish(
    subject: string,
    writeHeaders: WriteHeaders,
    body: Uint8Array,
  ): Promise<{ readonly duplicate: boolean }>;

  /**
   * Publishes if the last message on `subject` still has the sequence `last` (0: if there is none).
   * @returns whether the message was stored; false also if JetStream already had a message with this `Nats-Msg-Id`
   * @throws ThroughlineError as {@link publish}
   */
  publishAfter(last: number, subject: string, writeHeaders: WriteHeaders, body: Uint8Array): Promise<boolean>;

  /**
   * The last message of a stream on `subject` (wildcards allowed), or undefined.
   * @param streamMayBeMissing gives undefined for a stream that does not exist, instead of an error
   */
  lastMessage(
    stream: string,
    subject: string,
    streamMayBeMissing?: boolean,
  ): Promise<StoredMessage | undefined>;

  /**
   * Reads for the outbox, which have turns of their own. If they waited for the reads of one tenant, the outbox would stand still for
   * all tenants.
   */
  readonly outboxReads: MessageReads;

  /**
   * The first message of a stream on `subject` (wildcards allowed) with the sequence `seq` or a later one, or
   * undefined.
   */
  nextMessage(stream: string, subject: string, seq: number): Promise<StoredMessage | undefined>;

  /** Whether a {@link page} may lack the latest messages, and have some that were deleted. A single server has no replicas that lag. */
  readonly mayLag: boolean;

  /**
   * Stored messages on `subject` (wildcards allowed), in order: one page of them.
   * @throws ThroughlineError `broker-refused` or `broker-unavailable`, also if the stream or the account does not allow it
   */
  page(stream: string, query: SubjectPageQuery): Promise<SubjectPage>;

  /** Opens a reader of the headers of a stream's messages, see {@link HeaderReader}. */
  readHeaders(stream: string, range: HeaderRange): Promise<HeaderReader>;

  /** Follows the messages that are stored on one subject, see `followSubject`. @returns a function that stops it */
  follow(stream: string, following: Following): Promise<() => void>;

  /** Deletes one message of a stream. */
  remove(stream: string, sequence: number): Promise<void>;

  /** Deletes the messages of a stream on `subject` (wildcards allowed) up to the sequence `seq`, inclusive. */
  deleteUpTo(stream: string, subject: string, seq: number): Promise<void>;

  /** How far each consumer of a stream has read. */
  consumers(stream: string): Promise<ConsumerPlace[]>;

  /** What a stream holds now. */
  extent(stream: string): Promise<StreamExtent>;

  /** Calls `take` for each message that is published on `subject`. @returns a function that stops it */
  subscribe(
    subject: string,
    take: (data: Uint8Array, headers: NatsHeadersLike | undefined) => void,
  ): () => void;

  /**
   * Follows a key-value bucket: first every key that it holds, then its changes. It may leave out a change that a later change of the
   * same key overtakes. Resolves after the last key that was there at the start.
   * @param onEnd called once, when no more changes will come
   * @throws ThroughlineError `broker-unavailable`, also if the bucket does not exist yet
   */
  watchBucket(bucket: string, take: (change: BucketChange) => void, onEnd: () => void): Promise<void>;

  /** The value of `key` in the `OPERATIONS` bucket now, or undefined. */
  operation(key: string): Promise<Uint8Array | undefined>;

  /** Round trip to the server and back, in milliseconds. */
  ping(timeoutMs: number): Promise<number>;

  /** Closes the connection without waiting: a dead socket would never finish its closing handshake. */
  close(): void;
}
