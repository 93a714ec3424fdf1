import { describeThrown, ThroughlineError } from '../../../shared/errors.ts';
import type { WorkerLogger } from '../../log.ts';
import type { Broker } from './broker.ts';
import { closedReason } from './closed-reason.ts';
import { closeConnection } from './connect.ts';
import { onFailedConnect } from './connect-reason.ts';
import { statusesOf } from './statuses.ts';

interface ConnectionWatchParts {
  readonly broker: Broker;
  /** The servers of `NATS_URL`. */
  readonly servers: readonly string[];
  readonly log: WorkerLogger;
  /** Is called after each reconnect: consumers may have been replaced, and pulls may be gone. */
  readonly onReconnect: () => void;
}

/** Follows the state of a worker's connection, and closes it at the end. */
export class ConnectionWatch {
  readonly #parts: ConnectionWatchParts;
  #connected = true;
  #closing = false;
  /** Why the last attempt to connect again failed. */
  #reason: string | undefined;

  constructor(parts: ConnectionWatchParts) {
    this.#parts = parts;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Why there is no connection, in a sentence; undefined if there is one. */
  get problem(): string | undefined {
    if (this.#connected) return undefined;
    return this.#reason === undefined ? 'NATS is not connected' : `NATS is not connected: ${this.#reason}`;
  }

  /** Logs each loss, why there is no connection, and each reconnect, until the connection is closed. */
  async follow(): Promise<void> {
    const { broker, servers, log, onReconnect } = this.#parts;
    onFailedConnect(broker.connection, servers, (reason, isNew) => {
      this.#reason = reason;
      if (isNew) log.warn({ reason }, 'cannot connect to NATS');
    });
    try {
      for await (const { type } of statusesOf(broker.connection)) {
        if (type !== 'disconnect' && type !== 'reconnect') continue;
        this.#connected = type === 'reconnect';
        this.#reason = undefined;
        if (this.#connected) onReconnect();
        log.warn({ status: type }, 'NATS connection');
      }
    } catch (thrown) {
      log.warn({ reason: describeThrown(thrown) }, 'the state of the NATS connection is not known any more');
    }
  }

  /** Rejects when the connection is closed, unless {@link expectClose} was called before. */
  async failed(): Promise<never> {
    const reason = await closedReason(this.#parts.broker.connection);
    if (this.#closing) return await new Promise<never>(() => undefined);
    const message = `the NATS connection was closed: ${describeThrown(reason)}`;
    throw new ThroughlineError('broker-unavailable', message, { cause: reason });
  }

  /** Says that the connection is about to be closed on purpose. From now on, a closed connection is no failure. */
  expectClose(): void {
    this.#closing = true;
  }

  /**
   * Waits until the broker has the acks, and then closes the connection. A job whose ack is lost is delivered again,
   * but does not run again.
   */
  async close(): Promise<void> {
    const { broker, log } = this.#parts;
    const reason = await closeConnection(broker.connection);
    if (reason !== undefined) log.warn({ reason }, 'acks may be lost; their jobs are delivered again');
  }
}
