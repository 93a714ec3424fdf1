import { OperationAnnouncement } from '../../shared/api/operation.ts';
import { parseJson } from '../../shared/text/json.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import type { Logger } from '../telemetry/log.ts';
import { KnownOperations } from './known-operations.ts';

/** What the directory uses of a session. */
type WatchedSession = Pick<BrokerSession, 'watchOperations' | 'operation'>;

/** What workers have announced, kept up to date by a watch on the `OPERATIONS` bucket; one per session. */
export class OperationDirectory {
  readonly #session: WatchedSession;
  readonly #log: Logger;
  readonly #onChange: (all: readonly OperationAnnouncement[]) => void;
  readonly #known = new KnownOperations();
  #ready: Promise<void> | undefined;
  #complete = false;

  /** @param onChange gets all that is announced, once that is known and after each change */
  constructor(
    session: WatchedSession,
    log: Logger,
    onChange: (all: readonly OperationAnnouncement[]) => void = () => undefined,
  ) {
    this.#session = session;
    this.#log = log;
    this.#onChange = onChange;
  }

  /** All announced operations, by name. @throws ThroughlineError `broker-unavailable` */
  async list(): Promise<OperationAnnouncement[]> {
    await this.#watch();
    return this.#known.list();
  }

  /**
   * The announcement of `name`, for an input that fits it.
   * @throws ThroughlineError `operation-unknown`, `input-invalid`, see {@link KnownOperations}; `broker-unavailable`
   */
  async accept(name: string, input: unknown): Promise<OperationAnnouncement> {
    await this.#watch();
    // A worker may have announced it a moment ago, so the bucket is asked before a caller is refused.
    if (!this.#known.has(name)) this.#take(name, await this.#session.operation(name));
    return this.#known.accept(name, input);
  }

  /** Starts the watch, or waits for the one that starts; after its end, or a failure, the next call starts anew. */
  #watch(): Promise<void> {
    const again = (): void => {
      this.#ready = undefined;
      this.#complete = false;
      // What is deleted while nobody watches would stay known for ever.
      this.#known.clear();
    };
    this.#ready ??= this.#session
      .watchOperations(({ key, value }) => this.#take(key, value), again)
      .then(() => {
        this.#complete = true;
        this.#onChange(this.#known.list());
      })
      .catch((thrown: unknown) => {
        again();
        throw thrown;
      });
    return this.#ready;
  }

  #take(key: string, value: Uint8Array | undefined): void {
    const announcement = value === undefined ? undefined : readAnnouncement(value);
    if (announcement?.name === key) {
      this.#known.put(announcement);
    } else {
      this.#known.delete(key);
      if (value !== undefined) this.#log.warn('an announcement cannot be read', { operation: key });
    }
    if (this.#complete) this.#onChange(this.#known.list());
  }
}

function readAnnouncement(value: Uint8Array): OperationAnnouncement | undefined {
  return OperationAnnouncement.safeParse(parseJson(new TextDecoder().decode(value))).data;
}
