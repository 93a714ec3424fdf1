import { valueWithin, withDeadline } from '../../shared/deadline.ts';
import { errorFrom } from '../../shared/error-table.ts';
import { unavailable } from '../../shared/errors.ts';
import type { BrokerAccess } from './broker-connection.ts';
import type { BrokerSession } from './broker-session.ts';

/** A request that has waited for less than this needs no timer for its one message: the message has a time limit already. */
const SLACK_MS = 100;

/**
 * Lets one request ask NATS. All of its waits together take at most `BROKER_TIMEOUT_MS`. Once NATS has failed to answer, the
 * request does not ask again and does not wait a second time.
 */
export class RequestBroker {
  readonly #connection: BrokerAccess;
  /** When the request stops waiting, in epoch milliseconds. */
  readonly #untilMs: number;
  #session: BrokerSession | undefined;

  private constructor(connection: BrokerAccess, untilMs: number, session?: BrokerSession) {
    this.#connection = connection;
    this.#untilMs = untilMs;
    this.#session = session;
  }

  /**
   * Starts with an open session of the connection, if there is one.
   * @param sinceMs when the request began to wait, in epoch milliseconds
   */
  static start(connection: BrokerAccess, sinceMs = Date.now()): RequestBroker | Promise<RequestBroker> {
    const untilMs = sinceMs + connection.patienceMs;
    const session = connection.available();
    if (!(session instanceof Promise)) return new RequestBroker(connection, untilMs, session);
    const broker = new RequestBroker(connection, untilMs);
    return valueWithin(session, broker.leftMs).then((opened) => {
      broker.#session = opened;
      return broker;
    });
  }

  /** The open session; undefined while NATS cannot be reached, and when the time is over. */
  get session(): BrokerSession | undefined {
    return this.leftMs > 0 ? this.#session : undefined;
  }

  /** How much longer the request may wait, in milliseconds. */
  get leftMs(): number {
    return Math.max(0, this.#untilMs - Date.now());
  }

  /** Another broker with the same session and a time of its own, for questions that do not belong to the request. */
  withOwnTime(ms = this.#connection.patienceMs): RequestBroker {
    return new RequestBroker(this.#connection, Date.now() + ms, this.#session);
  }

  /**
   * Asks NATS. If there is no answer in time, the session stays open for other requests.
   * @param moreMs how long `work` may wait for something else than NATS, in milliseconds
   * @returns undefined if NATS cannot be reached, does not answer in time, or refuses this bridge
   * @throws ThroughlineError any other error of `work`
   */
  ask<T>(work: (session: BrokerSession) => Promise<T>, moreMs = 0): Promise<T | undefined> {
    return this.#try((session) => this.inTime(this.#connection.useSession(session, work), moreMs));
  }

  /** As {@link ask}, for a request that sends only this one message, as most do. It saves a timer. */
  askOnce<T>(work: (session: BrokerSession) => Promise<T>): Promise<T | undefined> {
    const hasWaited = this.leftMs < this.#connection.patienceMs - SLACK_MS;
    return hasWaited ? this.ask(work) : this.#try((session) => this.#connection.useSession(session, work));
  }

  /**
   * Waits for `promise` within the time of the request.
   * @throws ThroughlineError `broker-unavailable` when the time is over; what `promise` throws
   */
  inTime<T>(promise: Promise<T>, moreMs = 0): Promise<T> {
    return withDeadline(promise, this.leftMs + moreMs, () => unavailable('no answer in time'));
  }

  async #try<T>(ask: (session: BrokerSession) => Promise<T>): Promise<T | undefined> {
    const { session } = this;
    if (session === undefined) return undefined;
    try {
      return await ask(session);
    } catch (thrown) {
      const { code } = errorFrom(thrown);
      if (code !== 'broker-unavailable' && code !== 'broker-refused') throw thrown;
      this.#session = undefined;
      return undefined;
    }
  }
}
