import { withDeadline } from '../../../shared/deadline.ts';
import { describeThrown, ThroughlineError } from '../../../shared/errors.ts';
import type { WorkerLogger } from '../../log.ts';
import type { Broker } from './broker.ts';
import { closedReason } from './closed-reason.ts';
import { statusesOf } from './statuses.ts';

/** How long the last acks may take to reach the broker when the connection is closed. */
const FLUSH_TIMEOUT_MS = 3_000;

/** Follows the state of a worker's connection, and closes it at the end. */
export class ConnectionWatch {
  readonly #broker: Broker;
  readonly #log: WorkerLogger;
  readonly #onReconnect: () => void;
  #connected = true;
  #closing = false;

  /** @param onReconnect is called after each reconnect: consumers may have been replaced, and pulls may be gone */
  constructor(broker: Broker, log: WorkerLogger, onReconnect: () => void) {
    this.#broker = broker;
    this.#log = log;
    this.#onReconnect = onReconnect;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Logs each loss and each reconnect until the connection is closed. */
  async follow(): Promise<void> {
    try {
      for await (const { type } of statusesOf(this.#broker.connection)) {
        if (type !== 'disconnect' && type !== 'reconnect') continue;
        this.#connected = type === 'reconnect';
        if (this.#connected) this.#onReconnect();
        this.#log.warn({ status: type }, 'NATS connection');
      }
    } catch (thrown) {
      this.#log.warn(
        { reason: describeThrown(thrown) },
        'the state of the NATS connection is not known any more',
      );
    }
  }

  /** Rejects when the connection is closed, unless {@link expectClose} was called before. */
  async failed(): Promise<never> {
    const reason = await closedReason(this.#broker.connection);
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
    const late = (): Error => new Error('the broker did not answer in time');
    await withDeadline(this.#broker.connection.drain(), FLUSH_TIMEOUT_MS, late).catch(
      async (thrown: unknown) => {
        const reason = describeThrown(thrown);
        this.#log.warn({ reason }, 'acks may be lost; their jobs are delivered again');
        await this.#broker.connection.close();
      },
    );
  }
}
