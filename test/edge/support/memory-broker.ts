import type {
  BrokerSession,
  MessageReads,
  Shortcomings,
  WriteHeaders,
} from '../../../edge/nats/broker-session.ts';
import type { HeaderRange, HeaderReader } from '../../../edge/nats/header-reader.ts';
import type { Following } from '../../../edge/nats/jetstream/subject-follower.ts';
import { Loss } from '../../../edge/nats/loss.ts';
import type {
  BucketChange,
  ConsumerPlace,
  StoredMessage,
  StreamExtent,
} from '../../../edge/nats/stored-message.ts';
import type { SubjectPage, SubjectPageQuery } from '../../../edge/nats/subject-page.ts';
import { unavailable } from '../../../shared/errors.ts';
import { OPERATIONS_BUCKET, streamDefinitions } from '../../../shared/nats/streams.ts';
import { subjectMatches } from '../../../shared/wire/subjects.ts';
import { MemoryBucket } from './memory-bucket.ts';
import { type MemoryHeaders, writtenHeaders } from './memory-headers.ts';
import { MemoryStream, type Stored } from './memory-stream.ts';

type Take = Parameters<BrokerSession['subscribe']>[1];

/** A message that the code under test has published. */
export interface Published {
  readonly subject: string;
  readonly headers: MemoryHeaders;
  readonly data: Uint8Array;
  /** The sequence that the last message on this subject had to have. */
  readonly after?: number;
}

/**
 * A connection to a NATS that lives in this process, with Throughline's streams. `session-rules.ts` holds it to the
 * same rules as a connection to a real server.
 */
export class MemoryBroker implements BrokerSession {
  readonly lost = new Loss();
  readonly server = 'ws://memory';
  readonly serverVersion = '2.14.0';
  /** All that was published, also what the streams did not take. */
  readonly published: Published[] = [];
  readonly operations = new MemoryBucket();
  readonly hosts = new MemoryBucket();
  /** What {@link consumers} gives. */
  consumerPlaces: ConsumerPlace[] = [];
  mayLag = false;
  /** The most messages in a page, as of a replica that lags. */
  pageLimit = Number.POSITIVE_INFINITY;
  readonly #definitions = streamDefinitions(1, true);
  readonly #streams = new Map(this.#definitions.map(({ name }) => [name, new MemoryStream()]));
  readonly #subscriptions = new Set<{ readonly subject: string; readonly take: Take }>();
  readonly #steps = new Map<keyof BrokerSession, (nth: number) => void>();
  readonly #calls = new Map<keyof BrokerSession, number>();

  /** Does something before each call of a method: another client acts in between, or NATS fails. */
  before(method: keyof BrokerSession, step: (nth: number) => void): void {
    this.#steps.set(method, step);
  }

  /** Each call of a method fails from now on. */
  fail(method: keyof BrokerSession): void {
    this.before(method, () => {
      throw unavailable(`${method} fails`);
    });
  }

  /** How often a method was called. */
  calls(method: keyof BrokerSession): number {
    return this.#calls.get(method) ?? 0;
  }

  /** Stores messages as another client did, each at the sequence that it names. */
  store(stream: string, ...messages: readonly StoredMessage[]): void {
    for (const message of messages) this.stream(stream).put(message);
  }

  /** @throws ThroughlineError if there is no such stream */
  stream(name: string): MemoryStream {
    const stream = this.#streams.get(name);
    if (stream === undefined) throw unavailable(`there is no stream ${name}`);
    return stream;
  }

  get isClosed(): boolean {
    return this.#calls.has('close');
  }

  async shortcomings(): Promise<Shortcomings> {
    return { problems: [], warnings: [] };
  }

  async publish(
    subject: string,
    writeHeaders: WriteHeaders,
    data: Uint8Array,
  ): Promise<{ duplicate: boolean }> {
    this.#enter('publish');
    return {
      duplicate: this.#append({ subject, headers: writtenHeaders(writeHeaders), data }) === 'duplicate',
    };
  }

  async publishAfter(
    after: number,
    subject: string,
    writeHeaders: WriteHeaders,
    data: Uint8Array,
  ): Promise<boolean> {
    this.#enter('publishAfter');
    return this.#append({ subject, headers: writtenHeaders(writeHeaders), data, after }) === 'stored';
  }

  async remove(stream: string, sequence: number): Promise<void> {
    this.#enter('remove');
    this.stream(stream).remove((message) => message.sequence === sequence);
  }

  async consumers(_stream: string): Promise<ConsumerPlace[]> {
    this.#enter('consumers');
    return this.consumerPlaces;
  }

  get outboxReads(): MessageReads {
    return this;
  }

  async lastMessage(
    stream: string,
    subject: string,
    streamMayBeMissing = false,
  ): Promise<StoredMessage | undefined> {
    this.#enter('lastMessage');
    if (streamMayBeMissing && !this.#streams.has(stream)) return undefined;
    return this.stream(stream).lastOn(subject);
  }

  async nextMessage(stream: string, subject: string, seq: number): Promise<StoredMessage | undefined> {
    this.#enter('nextMessage');
    return this.stream(stream).from(subject, seq)[0];
  }

  async deleteUpTo(stream: string, filter: string, seq: number): Promise<void> {
    this.#enter('deleteUpTo');
    this.stream(stream).remove(({ subject, sequence }) => sequence <= seq && subjectMatches(filter, subject));
  }

  async page(stream: string, query: SubjectPageQuery): Promise<SubjectPage> {
    this.#enter('page');
    const maxMessages = Math.min(query.maxMessages, this.pageLimit);
    const messages = this.stream(stream).page({ ...query, maxMessages });
    const next = (messages.at(-1)?.sequence ?? query.from - 1) + 1;
    const isAll = this.stream(stream).from(query.subject, next).length === 0;
    // The page limit plays a replica that lags: `more` is false although the stream has more.
    return { messages, more: !isAll && messages.length < this.pageLimit };
  }

  async extent(stream: string): Promise<StreamExtent> {
    this.#enter('extent');
    return this.stream(stream).extent;
  }

  async readHeaders(stream: string, { subject, from }: HeaderRange): Promise<HeaderReader> {
    this.#enter('readHeaders');
    let next = from;
    return {
      next: async (max) => {
        const messages = this.stream(stream).from(subject, next).slice(0, max);
        next = (messages.at(-1)?.sequence ?? next - 1) + 1;
        return messages.map(({ data: _, ...message }) => ({ ...message, size: message.subject.length }));
      },
      stop: () => undefined,
    };
  }

  async follow(stream: string, following: Following): Promise<() => void> {
    this.#enter('follow');
    return this.stream(stream).follow(following);
  }

  subscribe(subject: string, take: Take): () => void {
    this.#enter('subscribe');
    const subscription = { subject, take };
    this.#subscriptions.add(subscription);
    return () => void this.#subscriptions.delete(subscription);
  }

  async watchBucket(bucket: string, take: (change: BucketChange) => void, onEnd: () => void): Promise<void> {
    this.#enter('watchBucket');
    if (bucket === OPERATIONS_BUCKET) this.operations.watch(take, onEnd);
    else this.hosts.watch(take, onEnd);
  }

  async operation(key: string): Promise<Uint8Array | undefined> {
    this.#enter('operation');
    return this.operations.get(key);
  }

  async ping(_timeoutMs: number): Promise<number> {
    this.#enter('ping');
    return 0;
  }

  close(): void {
    this.#enter('close');
    this.lost.happen();
  }

  #enter(method: keyof BrokerSession): void {
    const nth = this.calls(method) + 1;
    this.#calls.set(method, nth);
    this.#steps.get(method)?.(nth);
  }

  #append(message: Published): Stored {
    this.published.push(message);
    const { subject, data, after } = message;
    for (const { subject: filter, take } of this.#subscriptions) {
      if (subjectMatches(filter, subject)) take(data, message.headers);
    }
    const stream = this.#definitions.find(({ subjects }) =>
      subjects.some((filter) => subjectMatches(filter, subject)),
    );
    if (stream === undefined) throw unavailable(`no stream takes ${subject}`);
    return this.stream(stream.name).append(subject, message.headers, data, after);
  }
}
