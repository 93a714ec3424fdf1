import { ThroughlineError } from '../../shared/errors.ts';
import type { BrokerConnection } from './broker-connection.ts';
import type { BrokerSession } from './broker-session.ts';

/** NATS for one request: asked until it fails to answer, and not again, so that a request waits for it once. */
export class BrokerReach {
  readonly #connection: BrokerConnection;
  #session: BrokerSession | undefined;

  private constructor(connection: BrokerConnection, session: BrokerSession | undefined) {
    this.#connection = connection;
    this.#session = session;
  }

  static async of(connection: BrokerConnection): Promise<BrokerReach> {
    return new BrokerReach(connection, await connection.available());
  }

  /** Undefined while NATS is away. */
  get session(): BrokerSession | undefined {
    return this.#session;
  }

  /**
   * What NATS says.
   * @returns undefined where it is away, or refuses this bridge
   * @throws ThroughlineError whatever else `work` throws
   */
  async ask<T>(work: (session: BrokerSession) => Promise<T>): Promise<T | undefined> {
    if (this.#session === undefined) return undefined;
    try {
      return await this.#connection.useOf(this.#session, work);
    } catch (thrown) {
      const { code } = ThroughlineError.from(thrown);
      if (code !== 'broker-unavailable' && code !== 'broker-refused') throw thrown;
      this.#session = undefined;
      return undefined;
    }
  }
}
