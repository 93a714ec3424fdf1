import type { StreamRoom } from '../../../shared/api/answers/health.ts';
import { describeThrown } from '../../../shared/errors.ts';
import { API_CODE } from '../../../shared/nats/api-error.ts';
import { capOf, STREAM_NEARLY_FULL } from '../../../shared/nats/store-caps.ts';
import {
  CALLBACKS_STREAM,
  DEAD_STREAM,
  DELAYED_STREAM,
  EVENTS_STREAM,
  JOBS_STREAM,
  type StreamDefinition,
} from '../../../shared/nats/streams.ts';
import type { WorkerLogger } from '../../log.ts';
import { hasApiCode } from '../connection/api-error.ts';
import type { Broker } from '../connection/broker.ts';
import { ChangedStreams, missingText } from './changed-streams.ts';

const LOOK_EVERY_MS = 10_000;
/** Every sixth look compares all streams with their definitions. */
const ALL_EVERY = 6;

/** The streams in which jobs wait: without room in them, jobs are refused. */
const WAITING = [JOBS_STREAM, DELAYED_STREAM];
/** The streams whose sizes are shown. */
const SHOWN = [...WAITING, DEAD_STREAM, CALLBACKS_STREAM];

/** What a stream holds, and may hold. */
interface StreamLook extends StreamRoom {
  readonly messages: number;
  /** When its oldest message was stored, in epoch milliseconds on the clock of NATS; undefined if it has none. */
  readonly oldestAt: number | undefined;
}

type StoreLog = Pick<WorkerLogger, 'debug' | 'warn'>;
type StoreBroker = { readonly manager: { readonly streams: Pick<Broker['manager']['streams'], 'info'> } };

/**
 * Looks from time to time how much the streams hold, how much room there is for more jobs, and whether somebody has changed the streams
 * since the worker checked them at its start. It is for operators: the worker does not depend on it.
 */
export class StoreWatch {
  readonly #broker: StoreBroker;
  readonly #log: StoreLog;
  readonly #definitions: readonly StreamDefinition[];
  readonly #changed: ChangedStreams;
  #looks = 0;
  readonly #timer: ReturnType<typeof setInterval>;
  #streams: ReadonlyMap<string, StreamLook> = new Map();

  private constructor(broker: StoreBroker, definitions: readonly StreamDefinition[], log: StoreLog) {
    this.#broker = broker;
    this.#log = log;
    this.#definitions = definitions;
    this.#changed = new ChangedStreams(definitions, log);
    this.#timer = setInterval(() => void this.#look(), LOOK_EVERY_MS).unref();
  }

  /** Looks once, and then every ten seconds. @param definitions what the streams should be */
  static async start(
    broker: StoreBroker,
    definitions: readonly StreamDefinition[],
    log: StoreLog,
  ): Promise<StoreWatch> {
    const watch = new StoreWatch(broker, definitions, log);
    await watch.#look();
    return watch;
  }

  /** What was seen last, by stream; nothing for a stream that could not be read. */
  get streams(): ReadonlyMap<string, StreamLook> {
    return this.#streams;
  }

  /** Why no job can run, as far as the streams tell. What is wrong with `JOBS` is found by those who pull from it. */
  get problem(): string | undefined {
    return this.#changed.isMissing(EVENTS_STREAM) ? missingText(EVENTS_STREAM) : undefined;
  }

  /** A sentence about each stream that is nearly full, and each stream or setting that breaks a promise. */
  get warnings(): string[] {
    const full = [...this.#streams].flatMap(([stream, { bytes, maxBytes }]) =>
      !WAITING.includes(stream) || maxBytes === undefined || bytes < maxBytes * STREAM_NEARLY_FULL
        ? []
        : [`${stream} holds ${bytes} of ${maxBytes} bytes: more jobs will be refused`],
    );
    return [...full, ...this.#changed.warnings];
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const others = this.#looks++ % ALL_EVERY === 0 ? this.#definitions.map(({ name }) => name) : [];
    const names = new Set([...SHOWN, EVENTS_STREAM, ...others]);
    const streams = await Promise.all([...names].map((stream) => this.#lookAt(stream)));
    const known = streams.filter((stream) => stream !== undefined);
    this.#streams = new Map(known.filter(([stream]) => SHOWN.includes(stream)));
  }

  async #lookAt(stream: string): Promise<[string, StreamLook] | undefined> {
    try {
      const { state, config } = await this.#broker.manager.streams.info(stream);
      this.#changed.see(stream, { ...config });
      const cap = capOf(config);
      const { bytes, messages } = state;
      const oldestAt = messages === 0 ? undefined : Date.parse(state.first_ts);
      return [stream, { bytes, messages, oldestAt, ...(cap === undefined ? {} : { maxBytes: cap }) }];
    } catch (thrown) {
      if (hasApiCode(thrown, API_CODE.streamNotFound)) this.#changed.miss(stream);
      this.#log.debug({ stream, reason: describeThrown(thrown) }, 'the room in a stream is not known');
      return undefined;
    }
  }
}
