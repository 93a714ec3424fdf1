import { context, ROOT_CONTEXT } from '@opentelemetry/api';
import { withDeadline } from '../../shared/deadline.ts';
import { ThroughlineError, unavailable } from '../../shared/errors.ts';
import { SERVICE } from '../../shared/trace/semantics.ts';
import type { Logger } from '../telemetry/log.ts';
import { withService } from '../telemetry/service.ts';
import { BrokerSession } from './broker-session.ts';
import type { BrokerSettings } from './open-connection.ts';

/** What the connection is doing now. */
export type BrokerState = 'idle' | 'connecting' | 'open' | 'lost';

/** Pause after a failed attempt, so that a flood of requests is not a flood of connects. */
const PAUSE_MS = 200;
const PROBE_MS = 1_000;
/** While NATS is away, those who do not wait for it have it looked for this often. */
const LOOK_MS = 1_000;

export interface BrokerConnectionOptions {
  /** Whose connection this is, for what is logged of it; the bridge's by default. */
  readonly service?: string;
  /** Is called after each connect. */
  readonly onOpen?: () => void;
}

/**
 * The bridge's one way to NATS. Connects on first use; all callers share one attempt. A lost connection is replaced
 * by the next call that needs one, so that being evicted, restarted or cut off are all the same case.
 */
export class BrokerConnection {
  readonly #settings: BrokerSettings;
  readonly #name: string;
  readonly #log: Logger;
  readonly #service: string;
  #state: BrokerState = 'idle';
  #session: BrokerSession | undefined;
  #connecting: Promise<BrokerSession> | undefined;
  readonly #onOpen: () => void;
  #failedAt = 0;
  #opened = 0;
  /** Whether the last attempt to connect failed. */
  #failing = false;

  constructor(settings: BrokerSettings, name: string, log: Logger, options: BrokerConnectionOptions = {}) {
    this.#settings = settings;
    this.#name = name;
    this.#log = log;
    this.#service = options.service ?? SERVICE.bridge;
    this.#onOpen = options.onOpen ?? (() => undefined);
  }

  get state(): BrokerState {
    return this.#state;
  }

  /** How many connections were opened so far. */
  get opened(): number {
    return this.#opened;
  }

  /**
   * An open session, at the latest after `BROKER_TIMEOUT_MS`.
   * @throws ThroughlineError `broker-unavailable`; the next call tries again
   */
  async session(): Promise<BrokerSession> {
    if (this.#session !== undefined && !this.#session.isClosed) return this.#session;
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    return withDeadline(this.#connecting, this.#settings.BROKER_TIMEOUT_MS, () =>
      unavailable('no connection in time'),
    );
  }

  /**
   * An open session for those who can do without: one that was lost is waited for, but not while NATS is known to be
   * away. They are the only ones who come where there is nothing to send, so they have it looked for.
   * @returns undefined while it is
   */
  async available(): Promise<BrokerSession | undefined> {
    if (this.#failing && (this.#session === undefined || this.#session.isClosed)) {
      if (Date.now() >= this.#failedAt + LOOK_MS) this.session().catch(() => undefined);
      return undefined;
    }
    try {
      return await this.session();
    } catch {
      return undefined;
    }
  }

  /**
   * Runs `work` on an open session. Where NATS did not answer, the session is put to the test: a half-open socket
   * looks well for a long time, and the next call must not meet it again.
   * @throws ThroughlineError whatever `work` throws, or `broker-unavailable`
   */
  async use<T>(work: (session: BrokerSession) => Promise<T>): Promise<T> {
    return await this.useOf(await this.session(), work);
  }

  /** As {@link use}, on a session that the caller has. @throws ThroughlineError whatever `work` throws */
  async useOf<T>(session: BrokerSession, work: (session: BrokerSession) => Promise<T>): Promise<T> {
    try {
      return await work(session);
    } catch (thrown) {
      if (ThroughlineError.from(thrown).code === 'broker-unavailable') void this.#probe(session);
      throw thrown;
    }
  }

  /** Lets go of the connection, so that its object may sleep; the next call opens another. */
  release(): void {
    const session = this.#session;
    this.#session = undefined;
    this.#state = 'idle';
    session?.close();
  }

  async #probe(session: BrokerSession): Promise<void> {
    try {
      await session.ping(PROBE_MS);
    } catch {
      this.#drop(session, 'it does not answer a ping');
    }
  }

  async #connect(): Promise<BrokerSession> {
    this.#state = 'connecting';
    const pause = this.#failedAt + PAUSE_MS - Date.now();
    if (pause > 0) await scheduler.wait(pause);
    try {
      const session = await BrokerSession.open(this.#settings, this.#name);
      this.#adopt(session);
      return session;
    } catch (thrown) {
      this.#state = 'lost';
      this.#failing = true;
      this.#failedAt = Date.now();
      const error = ThroughlineError.from(thrown, 'broker-unavailable');
      this.#log.warn('cannot connect to NATS', { reason: error.message });
      throw error;
    }
  }

  #adopt(session: BrokerSession): void {
    this.#session = session;
    this.#state = 'open';
    this.#failing = false;
    this.#opened++;
    this.#log.info('connected to NATS', { connection: this.#opened });
    // The loss is nobody's request: its log line must not carry the trace of the one that happened to connect.
    const nobodys = withService(ROOT_CONTEXT, this.#service);
    session.lost.listen(() => context.with(nobodys, () => this.#drop(session, 'it was closed')));
    this.#onOpen();
  }

  #drop(session: BrokerSession, reason: string): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    this.#state = 'lost';
    session.close();
    this.#log.warn('the connection to NATS is gone', { reason });
  }
}
