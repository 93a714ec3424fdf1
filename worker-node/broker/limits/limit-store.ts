import { createHash, randomUUID } from 'node:crypto';
import type { JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { JobAddress } from '../../../shared/job/job-address.ts';
import { limitKeyValue } from '../../../shared/job/limit-key.ts';
import { LIMITS_STREAM } from '../../../shared/nats/streams.ts';
import { HEADER } from '../../../shared/wire/headers.ts';
import { EMPTY_ENTRY, type LimitEntry, readLimitEntry } from '../../../shared/wire/limit-entry.ts';
import { limitSubject } from '../../../shared/wire/subjects.ts';
import type { BrokerRetry } from '../broker-retry.ts';
import { isWrongLastSequence } from '../connection/api-error.ts';
import { lastMessage } from '../last-message.ts';
import { messageHeaders, type StoredPublisher } from '../stored-publisher.ts';

/** How much of the hash of a key names it: 192 bits. */
const HASH_LENGTH = 32;

/** An entry as the bucket has it. */
export interface StoredEntry {
  readonly entry: LimitEntry;
  /** The sequence of its message; 0: there is none. */
  readonly revision: number;
}

/** The entries of the bucket `LIMITS`, which all worker hosts share. An entry is written only if nobody wrote it since it was read. */
export class LimitStore {
  readonly #connection: Pick<NatsConnection, 'subscribe'>;
  readonly #manager: JetStreamManager;
  readonly #publisher: StoredPublisher;
  readonly #retry: BrokerRetry;
  /** Names this process in what it writes. */
  readonly #writer = randomUUID();

  constructor(parts: {
    readonly connection: Pick<NatsConnection, 'subscribe'>;
    readonly manager: JetStreamManager;
    readonly publisher: StoredPublisher;
    readonly retry: BrokerRetry;
  }) {
    this.#connection = parts.connection;
    this.#manager = parts.manager;
    this.#publisher = parts.publisher;
    this.#retry = parts.retry;
  }

  /** Reads the entry on a subject. Tries until the broker answers. @throws ThroughlineError `broker-unavailable` */
  async read(subject: string): Promise<StoredEntry> {
    const message = await this.#retry.run('the limits of operations cannot be read', () =>
      lastMessage(this.#manager, LIMITS_STREAM, subject),
    );
    if (message === undefined) return { entry: EMPTY_ENTRY, revision: 0 };
    return { entry: readLimitEntry(message.data), revision: message.seq };
  }

  /**
   * Writes an entry, if the stored one still has the revision that was read. Tries until the broker answers.
   * @param keepMs for how long the entry is needed, in milliseconds
   * @returns the new revision; undefined if somebody else wrote first, or if the answer to our own write was lost
   * @throws ThroughlineError `broker-unavailable`
   */
  async write(
    subject: string,
    { entry, revision }: StoredEntry,
    keepMs: number,
  ): Promise<number | undefined> {
    const headers = messageHeaders((set) => {
      set(HEADER.expectedLast, String(revision));
      set(HEADER.ttl, `${Math.ceil(keepMs / 1_000)}s`);
      set(HEADER.limitWriter, this.#writer);
    });
    const body = new TextEncoder().encode(JSON.stringify(entry));
    try {
      return (await this.#publisher.publishUntilStored(subject, body, headers)).seq;
    } catch (thrown) {
      if (isWrongLastSequence(thrown)) return undefined;
      throw thrown;
    }
  }

  /**
   * Calls `onWrite` when another host writes the entry, or tries to. What it wrote may not be stored yet.
   * @returns a function that ends this
   */
  watch(subject: string, onWrite: () => void): () => void {
    const subscription = this.#connection.subscribe(subject, {
      callback: (error, message) => {
        if (error === null && message.headers?.get(HEADER.limitWriter) !== this.#writer) onWrite();
      },
    });
    return () => subscription.unsubscribe();
  }
}

/**
 * The subject of the entry for one value of a key.
 * @param key see `shared/job/limit-key.ts`
 * @throws ThroughlineError `request-invalid`
 */
export function entrySubject(address: JobAddress, key: string, input: unknown): string {
  const hash = createHash('sha256')
    .update(`${key}\n${limitKeyValue(key, input)}`)
    .digest('base64url');
  return limitSubject(address, hash.slice(0, HASH_LENGTH));
}
