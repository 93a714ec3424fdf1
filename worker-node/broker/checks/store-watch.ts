import type { StreamRoom } from '../../../shared/api/health.ts';
import { describeThrown } from '../../../shared/errors.ts';
import { capOf } from '../../../shared/nats/store-caps.ts';
import { DELAYED_STREAM, JOBS_STREAM } from '../../../shared/nats/streams.ts';
import type { WorkerLogger } from '../../log.ts';
import type { Broker } from '../connect.ts';

const LOOK_EVERY_MS = 10_000;
/** From this part of its cap on, a stream counts as nearly full. */
const NEARLY_FULL = 0.8;

type StoreBroker = { readonly manager: { readonly streams: Pick<Broker['manager']['streams'], 'info'> } };

/** Looks from time to time how much room there is for more jobs. The worker does not depend on it: operators do. */
export class StoreWatch {
  readonly #broker: StoreBroker;
  readonly #log: Pick<WorkerLogger, 'debug'>;
  readonly #timer: ReturnType<typeof setInterval>;
  #rooms: ReadonlyMap<string, StreamRoom> = new Map();

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
  get rooms(): ReadonlyMap<string, StreamRoom> {
    return this.#rooms;
  }

  /** A sentence about each stream that is nearly full. */
  get warnings(): string[] {
    return [...this.#rooms].flatMap(([stream, { bytes, maxBytes }]) =>
      maxBytes === undefined || bytes < maxBytes * NEARLY_FULL
        ? []
        : [`${stream} holds ${bytes} of ${maxBytes} bytes: more jobs will be refused`],
    );
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const rooms = await Promise.all([JOBS_STREAM, DELAYED_STREAM].map((stream) => this.#roomOf(stream)));
    this.#rooms = new Map(rooms.filter((room) => room !== undefined));
  }

  async #roomOf(stream: string): Promise<[string, StreamRoom] | undefined> {
    try {
      const { state, config } = await this.#broker.manager.streams.info(stream);
      const cap = capOf(config);
      return [stream, { bytes: state.bytes, ...(cap === undefined ? {} : { maxBytes: cap }) }];
    } catch (thrown) {
      this.#log.debug({ stream, reason: describeThrown(thrown) }, 'the room in a stream is not known');
      return undefined;
    }
  }
}
