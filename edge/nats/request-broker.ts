import { withDeadline } from '../../shared/deadline.ts';
import { errorFrom } from '../../shared/error-table.ts';
import { unavailable } from '../../shared/errors.ts';
import type { BrokerAccess } from './broker-connection.ts';
import type { BrokerSession } from './broker-session.ts';

/** The time limit of one message is enough for a request that has waited no longer than this before. */
const SLACK_MS = 100;

/**
 * Lets one request ask NATS. All its waits together take no longer than `BROKER_TIMEOUT_MS`. After NATS has failed to answer, the
 * request does not ask again and does not wait a second time.
 */
export class RequestBroker {
  readonly #connection: BrokerAccess;
  /** When the request stops waiting, in epoch milliseconds. */
  readonly #untilMs: number;
  #session: BrokerSession | undefined;

  private constructor(connection: BrokerAccess, untilMs: number, session: BrokerSession | undefined) {
    this.#connection = connection;
    this.#untilMs = untilMs;
    this.#session = session;
  }

  /**
   * Starts with an open session of the connection, if there is one.
   * @param sinceMs when the request began to wait, in epoch milliseconds
   */
  static async start(connection: BrokerAccess, sinceMs = Date.now()): Promise<RequestBroker> {
    return new RequestBroker(connection, sinceMs + connection.patienceMs, await connection.available());
  }

  /** The open session; undefined while NATS cannot be reached. */
  get session(): BrokerSession | undefined {
    return this.#session;
  }

  /** How much longer the request may wait, in milliseconds. */
  get leftMs(): number {
    return Math.max(0, this.#untilMs - Date.now());
  }

  /** Another broker with the same session, for questions that do not belong to the request. */
  apart(): RequestBroker {
    return new RequestBroker(this.#connection, this.#untilMs, this.#session);
  }

  /**
   * Asks NATS.
   * @returns undefined if NATS cannot be reached, does not answer in time, or refuses this bridge
   * @throws ThroughlineError any other error of `work`
   */
  ask<T>(work: (session: BrokerSession) => Promise<T>): Promise<T | undefined> {
    return this.#try((session) =>
      withDeadline(work(session), this.leftMs, () => unavailable('no answer in time')),
    );
  }

  /** As {@link ask}, for one message. Most requests send no other, and it has a time limit already. */
  askOnce<T>(work: (session: BrokerSession) => Promise<T>): Promise<T | undefined> {
    const hasWaited = this.leftMs < this.#connection.patienceMs - SLACK_MS;
    return hasWaited ? this.ask(work) : this.#try(work);
  }

  async #try<T>(work: (session: BrokerSession) => Promise<T>): Promise<T | undefined> {
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
