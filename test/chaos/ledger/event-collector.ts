import { type ConsumerMessages, type JsMsg, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { type ConnectionOptions, connect, type NatsConnection } from '@nats-io/transport-node';
import { DEAD_STREAM, EVENTS_STREAM } from '../../../shared/nats/streams.ts';
import { extract, fromNatsHeaders } from '../../../shared/propagation/index.ts';
import { readJobEvent } from '../../../shared/wire/event-message.ts';
import { until } from '../../support/poll.ts';
import type { Journal } from './journal.ts';
import type { CollectedEntry } from './ledger.ts';

const NAME = 'chaos-collector';
const STREAMS = [EVENTS_STREAM, DEAD_STREAM];
const ASK_MS = 5_000;

/** Records every event and every dead letter in the ledger, through durable consumers of its own. */
export class EventCollector {
  readonly #connection: NatsConnection;
  readonly #journal: Journal<CollectedEntry>;
  readonly #following: ConsumerMessages[] = [];
  /** The first error of the recording. */
  #failure: unknown;

  private constructor(connection: NatsConnection, journal: Journal<CollectedEntry>) {
    this.#connection = connection;
    this.#journal = journal;
  }

  /** The streams must exist. */
  static async start(options: ConnectionOptions, journal: Journal<CollectedEntry>): Promise<EventCollector> {
    const connection = await connect({ ...options, maxReconnectAttempts: -1, reconnectTimeWait: 250 });
    const collector = new EventCollector(connection, journal);
    for (const stream of STREAMS) await collector.#follow(stream);
    return collector;
  }

  /** The connection, for questions about streams; it reconnects by itself. */
  get connection(): NatsConnection {
    return this.#connection;
  }

  /** Resolves when everything in the streams is recorded. */
  async caughtUp(timeoutMs: number): Promise<void> {
    const manager = await jetstreamManager(this.#connection, { timeout: ASK_MS, checkAPI: false });
    for (const stream of STREAMS) {
      await until(
        `the collector to have all of ${stream}`,
        async () => {
          if (this.#failure !== undefined) throw this.#failure;
          const { num_pending, num_ack_pending } = await manager.consumers.info(stream, NAME);
          return num_pending === 0 && num_ack_pending === 0;
        },
        timeoutMs,
      );
    }
  }

  async stop(): Promise<void> {
    for (const messages of this.#following) messages.stop();
    await this.#connection.close();
  }

  async #follow(stream: string): Promise<void> {
    const manager = await jetstreamManager(this.#connection, { checkAPI: false });
    await manager.consumers.add(stream, {
      durable_name: NAME,
      ack_policy: 'explicit',
      deliver_policy: 'all',
      ack_wait: ASK_MS * 1e6,
      max_ack_pending: 20_000,
    });
    const consumer = await jetstream(this.#connection).consumers.get(stream, NAME);
    const messages = await consumer.consume({
      max_messages: 2_000,
      callback: (message) => void this.#take(stream, message),
    });
    this.#following.push(messages);
  }

  async #take(stream: string, message: JsMsg): Promise<void> {
    try {
      const entry = stream === EVENTS_STREAM ? eventEntry(message) : deadEntry(message);
      if (entry !== undefined) await this.#journal.append(entry);
      message.ack();
    } catch (thrown) {
      this.#failure ??= thrown;
    }
  }
}

function eventEntry(message: JsMsg): CollectedEntry | undefined {
  const event = readJobEvent(message.data);
  if (event === undefined) return undefined;
  return {
    type: 'event',
    jobId: event.jobId,
    kind: event.kind,
    attempt: event.attempt,
    redriveCount: event.redriveCount ?? 0,
    sequence: message.seq,
    at: timeOf(message),
    worker: event.worker,
    traceId: event.traceId,
    carriedTraceId: extract(fromNatsHeaders(message.headers)).spanContext?.traceId ?? '',
  };
}

function deadEntry(message: JsMsg): CollectedEntry {
  const jobId = message.subject.split('.')[2] ?? message.subject;
  return { type: 'dead', jobId, sequence: message.seq, at: timeOf(message) };
}

/** Milliseconds since 1970, with a fraction. */
function timeOf(message: JsMsg): number {
  return message.info.timestampNanos / 1e6;
}
