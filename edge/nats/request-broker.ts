import { errorFrom } from '../../shared/error-table.ts';
import type { BrokerAccess } from './broker-connection.ts';
import type { BrokerSession } from './broker-session.ts';

/**
 * Lets one request ask NATS. After NATS has failed to answer, the request does not ask again and does not wait a second
 * time.
 */
export class RequestBroker {
  readonly #connection: BrokerAccess;
  #session: BrokerSession | undefined;

  private constructor(connection: BrokerAccess, session: BrokerSession | undefined) {
    this.#connection = connection;
    this.#session = session;
  }

  /** Starts with an open session of the connection, if there is one. */
  static async start(connection: BrokerAccess): Promise<RequestBroker> {
    return new RequestBroker(connection, await connection.available());
  }

  /** The open session; undefined while NATS cannot be reached. */
  get session(): BrokerSession | undefined {
    return this.#session;
  }

  /** Another broker with the same session, for questions that do not belong to the request. */
  apart(): RequestBroker {
    return new RequestBroker(this.#connection, this.#session);
  }

  /**
   * Asks NATS.
   * @returns undefined if NATS cannot be reached, or refuses this bridge
   * @throws ThroughlineError any other error of `work`
   */
  async ask<T>(work: (session: BrokerSession) => Promise<T>): Promise<T | undefined> {
    if (this.#session === undefined) return undefined;
    try {
      return await this.#connection.useSession(this.#session, work);
    } catch (thrown) {
      const { code } = errorFrom(thrown);
      if (code !== 'broker-unavailable' && code !== 'broker-refused') throw thrown;
      this.#session = undefined;
      return undefined;
    }
  }
}
