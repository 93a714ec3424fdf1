import { OperationAnnouncement } from '../../shared/api/operation.ts';
import { type Pause, pausedOperation, readPause } from '../../shared/api/pause.ts';
import { unavailable } from '../../shared/errors.ts';
import { OPERATIONS_BUCKET } from '../../shared/nats/streams.ts';
import { parseJson } from '../../shared/text/json/parse-json.ts';
import { schemaFaults } from '../../shared/text/schema-faults.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import type { Logger } from '../telemetry/log.ts';
import { KnownOperations } from './known-operations.ts';
import type { SavedOperations } from './saved-operations.ts';

/** An operation, and who paused it. */
export interface AnnouncedOperation extends OperationAnnouncement {
  readonly paused?: Pause;
}

/** The operations that workers have announced, kept up to date by a watch on the `OPERATIONS` bucket over one session. */
export class OperationWatch {
  readonly session: Pick<BrokerSession, 'watchBucket' | 'operation'>;
  readonly #saved: Pick<SavedOperations, 'save'>;
  readonly #log: Logger;
  readonly #known = new KnownOperations();
  readonly #pauses = new Map<string, Pause | undefined>();
  #started: Promise<void> | undefined;
  #isComplete = false;

  /** @param saved gets all announced operations once they are known, and after each change */
  constructor(session: OperationWatch['session'], saved: Pick<SavedOperations, 'save'>, log: Logger) {
    this.session = session;
    this.#saved = saved;
    this.#log = log;
  }

  /** All announced operations, by name. @throws ThroughlineError `broker-unavailable` */
  async list(): Promise<AnnouncedOperation[]> {
    await this.#start();
    return this.#known.list().map((operation) => {
      const paused = this.#pauses.get(operation.name);
      return paused === undefined ? operation : { ...operation, paused };
    });
  }

  /**
   * The announcement of the operation `name`.
   * @throws ThroughlineError `operation-unknown`, see {@link KnownOperations}; `broker-unavailable`
   */
  async find(name: string): Promise<OperationAnnouncement> {
    await this.#start();
    // A worker may have announced the operation a moment ago, so the bucket is asked before a caller is refused.
    if (!this.#known.has(name)) this.#take(name, await this.session.operation(name));
    return this.#known.find(name);
  }

  /** The announcement of an operation, if all are known now and it is among them. */
  findKnown(name: string): OperationAnnouncement | undefined {
    return this.#isComplete && this.#known.has(name) ? this.#known.find(name) : undefined;
  }

  /** Starts the watch once. When it ends or fails, the next call starts it again. */
  #start(): Promise<void> {
    this.#started ??= this.#watch().catch((thrown: unknown) => {
      this.#reset();
      throw thrown;
    });
    return this.#started;
  }

  async #watch(): Promise<void> {
    let isOver = false;
    const end = (): void => {
      isOver = true;
      this.#reset();
    };
    await this.session.watchBucket(OPERATIONS_BUCKET, ({ key, value }) => this.#take(key, value), end);
    // The watch may have ended at the moment when it was complete. What it knew is gone then, and must not replace what is saved.
    if (isOver) throw unavailable('the watch of the operations has ended');
    this.#isComplete = true;
    this.#saved.save(this.#known.list());
  }

  #reset(): void {
    this.#started = undefined;
    this.#isComplete = false;
    // An operation that is deleted while there is no watch would stay known for ever.
    this.#known.clear();
    this.#pauses.clear();
  }

  #take(key: string, value: Uint8Array | undefined): void {
    const json = value === undefined ? undefined : parseJson(new TextDecoder().decode(value));
    const operation = pausedOperation(key);
    if (operation !== undefined) {
      this.#pauses.set(operation, readPause(json));
      return;
    }
    const { data: announcement, error } = OperationAnnouncement.safeParse(json);
    if (announcement?.name === key) {
      this.#known.put(announcement);
    } else {
      this.#known.delete(key);
      const reason = error === undefined ? '/name is not the key' : schemaFaults(error);
      if (value !== undefined) this.#log.warn('an announcement cannot be read', { operation: key, reason });
    }
    if (this.#isComplete) this.#saved.save(this.#known.list());
  }
}
