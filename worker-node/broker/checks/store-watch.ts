import type { StreamRoom } from '../../../shared/api/answers/health.ts';
import { describeThrown } from '../../../shared/errors.ts';
import { capOf, STREAM_NEARLY_FULL } from '../../../shared/nats/store-caps.ts';
import { CALLBACKS_STREAM, DEAD_STREAM, DELAYED_STREAM, JOBS_STREAM } from '../../../shared/nats/streams.ts';
import type { WorkerLogger } from '../../log.ts';
import type { Broker } from '../connect.ts';

const LOOK_EVERY_MS = 10_000;

/** The streams in which jobs wait: without room in them, jobs are refused. */
const WAITING = [JOBS_STREAM, DELAYED_STREAM];

/** What a stream holds, and may hold. */
export interface StreamLook extends StreamRoom {
  readonly messages: number;
  /** When its oldest message was stored, in epoch milliseconds on the clock of NATS; undefined if it has none. */
  readonly oldestAt: number | undefined;
}

type StoreBroker = { readonly manager: { readonly streams: Pick<Broker['manager']['streams'], 'info'> } };

/**
 * Looks from time to time how much the streams hold, and how much room there is for more jobs. It is for operators: the worker
 * does not depend on it.
 */
export class StoreWatch {
  readonly #broker: StoreBroker;
  readonly #log: Pick<WorkerLogger, 'debug'>;
  readonly #timer: ReturnType<typeof setInterval>;
  #streams: ReadonlyMap<string, StreamLook> = new Map();

  private constructor(broker: StoreBroker, log: Pick<WorkerLogger, 'debug'>) {
    this.#broker = broker;
    this.#log = log;
    this.#timer = setInterval(() => void this.#look(), LOOK_EVERY_MS).unref();
  }

  /** Looks once, and then every ten seconds. */
  static async start(broker: StoreBroker, log: Pick<WorkerLogger, 'debug'>): Promise<StoreWatch> {
    const watch = new StoreWatch(broker, log);
    await watch.#look();
    return watch;
  }

  /** What was seen last, by stream; nothing for a stream that could not be read. */
  get streams(): ReadonlyMap<string, StreamLook> {
    return this.#streams;
  }

  /** A sentence about each stream that is nearly full. */
  get warnings(): string[] {
    return [...this.#streams].flatMap(([stream, { bytes, maxBytes }]) =>
      !WAITING.includes(stream) || maxBytes === undefined || bytes < maxBytes * STREAM_NEARLY_FULL
        ? []
        : [`${stream} holds ${bytes} of ${maxBytes} bytes: more jobs will be refused`],
    );
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const names = [...WAITING, DEAD_STREAM, CALLBACKS_STREAM];
    const streams = await Promise.all(names.map((stream) => this.#lookAt(stream)));
    this.#streams = new Map(streams.filter((stream) => stream !== undefined));
  }

  async #lookAt(stream: string): Promise<[string, StreamLook] | undefined> {
    try {
      const { state, config } = await this.#broker.manager.streams.info(stream);
      const cap = capOf(config);
      const { bytes, messages } = state;
      const oldestAt = messages === 0 ? undefined : Date.parse(state.first_ts);
      return [stream, { bytes, messages, oldestAt, ...(cap === undefined ? {} : { maxBytes: cap }) }];
    } catch (thrown) {
      this.#log.debug({ stream, reason: describeThrown(thrown) }, 'the room in a stream is not known');
      return undefined;
    }
  }
}
