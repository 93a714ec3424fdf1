import type { OperationAnnouncement } from '../../shared/api/operation.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import type { RequestBroker } from '../nats/request-broker.ts';
import type { Logger } from '../telemetry/log.ts';
import { OperationWatch } from './operation-watch.ts';
import type { SavedOperations } from './saved-operations.ts';

/**
 * The operations that can be run: those that NATS holds now, or, while NATS is away, those that it held when it was last
 * seen.
 */
export class OperationDirectory {
  readonly #saved: SavedOperations;
  readonly #log: Logger;
  #watch: OperationWatch | undefined;

  constructor(saved: SavedOperations, log: Logger) {
    this.#saved = saved;
    this.#log = log;
  }

  /** All announced operations, by name. @throws ThroughlineError `broker-unavailable` */
  list(session: BrokerSession): Promise<OperationAnnouncement[]> {
    return this.#watchOver(session).list();
  }

  /**
   * Checks an input against the operation `name`.
   * @returns its announcement
   * @throws ThroughlineError `operation-unknown`, `input-invalid`; `broker-unavailable` where NATS is away and the
   *   operation was not announced before
   */
  async check(broker: RequestBroker, name: string, input: unknown): Promise<OperationAnnouncement> {
    const announcement = await broker.ask((session) => this.#watchOver(session).check(name, input));
    return announcement ?? this.#saved.check(name, input);
  }

  /** One watch at a time: a call that still holds a session that is closed gets the watch over the next session. */
  #watchOver(session: BrokerSession): OperationWatch {
    const current = this.#watch;
    if (current !== undefined && (current.session === session || session.isClosed)) return current;
    const watch = new OperationWatch(session, this.#saved, this.#log);
    this.#watch = watch;
    return watch;
  }
}
