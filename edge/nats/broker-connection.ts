import { type Context, ROOT_CONTEXT } from '@opentelemetry/api';
import { withDeadline } from '../../shared/deadline.ts';
import { errorFrom } from '../../shared/error-table.ts';
import { describeThrown, unavailable } from '../../shared/errors.ts';
import { serverNames } from '../../shared/nats/broker-address.ts';
import { pause } from '../../shared/timers.ts';
import { SERVICE } from '../../shared/trace/semantics.ts';
import type { Logger } from '../telemetry/log.ts';
import { RepeatedWarning } from '../telemetry/repeated-warning.ts';
import { withService } from '../telemetry/service.ts';
import type { BrokerSession } from './broker-session.ts';
import { openSession } from './nats-session.ts';
import type { BrokerSettings } from './open-connection.ts';

/** The state of the connection. */
type BrokerState = 'idle' | 'connecting' | 'open' | 'lost';

/** The shortest time from a failed attempt to the next one, so that many requests do not start many attempts. */
const PAUSE_MS = 200;
const PROBE_MS = 1_000;
/** While NATS is away, {@link BrokerConnection.available} tries to connect this often. */
const RETRY_MS = 1_000;

/** The part of a connection that gives sessions. */
export type BrokerAccess = Pick<
  BrokerConnection,
  'patienceMs' | 'session' | 'available' | 'use' | 'useSession'
>;

/**
 * A Durable Object's connection to NATS. The first use connects, and all callers share one attempt. The next call that
 * needs a session replaces a lost one. So an eviction, a restart and a cut are the same case.
 */
export class BrokerConnection {
  readonly #settings: BrokerSettings;
  readonly #name: string;
  readonly #log: Logger;
  /** Belongs to no request: what happens to the connection is no part of the trace of the request that opened it. */
  readonly #own: Context;
  #state: BrokerState = 'idle';
  #session: BrokerSession | undefined;
  #connecting: Promise<BrokerSession> | undefined;
  /** The server of the last session, see `openSession`. */
  #lastServer: string | undefined;
  #onOpen: () => void = () => undefined;
  /** When the last attempt failed, in epoch milliseconds; later than now if the clock was set back since. */
  #failedAt = 0;
  #opened = 0;
  /** Whether the last attempt to connect failed. */
  #failing = false;
  readonly #away = new RepeatedWarning();
  /** Whether the last session was closed because nobody needed it. Then the log need not tell of the next one. */
  #isReleased = false;

  /**
   * @param name shown in the server's list of connections
   * @param service the service that logs the loss of a session
   */
  constructor(settings: BrokerSettings, name: string, log: Logger, service: string = SERVICE.bridge) {
    this.#settings = settings;
    this.#name = name;
    this.#log = log;
    this.#own = withService(ROOT_CONTEXT, service);
  }

  /** Calls `take` after each connect. It replaces the function that was given before. */
  onOpen(take: () => void): void {
    this.#onOpen = take;
  }

  get state(): BrokerState {
    return this.#state;
  }

  /** How long a connect, or an answer of NATS, may take (`BROKER_TIMEOUT_MS`). */
  get patienceMs(): number {
    return this.#settings.BROKER_TIMEOUT_MS;
  }

  /** How many sessions were opened so far. */
  get opened(): number {
    return this.#opened;
  }

  /**
   * An open session. The call waits for at most `BROKER_TIMEOUT_MS`.
   * @throws ThroughlineError `broker-unavailable`; the next call tries again
   */
  async session(): Promise<BrokerSession> {
    if (this.#session?.isClosed === false) return this.#session;
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return withDeadline(this.#connecting, this.#settings.BROKER_TIMEOUT_MS, () =>
      unavailable('no connection in time'),
    );
  }

  /**
   * An open session for a caller who can do without one. The call waits for a connect, unless the last attempt failed.
   * Then the call returns immediately, and starts another attempt at most once a second, in case no other caller does.
   * @returns undefined while NATS is away
   */
  available(): BrokerSession | undefined | Promise<BrokerSession | undefined> {
    if (this.#session?.isClosed === false) return this.#session;
    if (!this.#failing) return this.session().catch(() => undefined);
    if (Math.abs(Date.now() - this.#failedAt) >= RETRY_MS) this.session().catch(() => undefined);
    return undefined;
  }

  /**
   * Runs `work` on an open session. If NATS does not answer, the session is tested with a ping: a half-open socket
   * looks open for a long time, and the next call must not use it.
   * @throws ThroughlineError any error of `work`, or `broker-unavailable`
   */
  async use<T>(work: (session: BrokerSession) => Promise<T>): Promise<T> {
    return await this.useSession(await this.session(), work);
  }

  /** As {@link use}, on a session that the caller already has. @throws ThroughlineError any error of `work` */
  useSession<T>(session: BrokerSession, work: (session: BrokerSession) => Promise<T>): Promise<T> {
    return work(session).catch((thrown: unknown) => {
      if (errorFrom(thrown).code === 'broker-unavailable') this.#probe(session);
      throw thrown;
    });
  }

  /** Closes the connection, so that its object may sleep. The next call opens another. */
  release(): void {
    const session = this.#session;
    this.#session = undefined;
    this.#state = 'idle';
    this.#isReleased ||= session !== undefined;
    session?.close();
  }

  #probe(session: BrokerSession): void {
    session.ping(PROBE_MS).catch(() => this.#drop(session, 'it does not answer a ping'));
  }

  async #connect(): Promise<BrokerSession> {
    this.#state = 'connecting';
    const pauseMs = PAUSE_MS - Math.abs(Date.now() - this.#failedAt);
    if (pauseMs > 0) await pause(pauseMs);
    try {
      const session = await openSession(
        this.#settings,
        this.#name,
        this.#lastServer,
        (reason, permission) => {
          const message = permission === undefined ? 'subscription refused' : 'permission missing';
          this.#log.error(message, { reason }, this.#own);
        },
      );
      this.#adopt(session);
      return session;
    } catch (thrown) {
      const error = errorFrom(thrown, 'broker-unavailable');
      if (this.#away.isDue(error.message, !this.#failing))
        this.#log.warn('cannot connect to NATS', {
          reason: error.message,
          cause: error.cause && describeThrown(error.cause),
          servers: serverNames(this.#settings.NATS_URL.servers),
        });
      this.#state = 'lost';
      this.#failing = true;
      this.#isReleased = false;
      this.#failedAt = Date.now();
      throw error;
    }
  }

  #adopt(session: BrokerSession): void {
    this.#session = session;
    this.#lastServer = session.server;
    this.#state = 'open';
    this.#failing = false;
    this.#opened++;
    const server = serverNames([session.server]);
    this.#log[this.#isReleased ? 'debug' : 'info']('connected to NATS', { server, connection: this.#opened });
    session.lost.listen(() => this.#drop(session, 'it was closed'));
    this.#onOpen();
  }

  #drop(session: BrokerSession, reason: string): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    this.#state = 'lost';
    this.#isReleased = false;
    session.close();
    this.#log.warn('the connection to NATS is gone', { reason }, this.#own);
  }
}
