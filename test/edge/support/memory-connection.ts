import type { BrokerAccess } from '../../../edge/nats/broker-connection.ts';
import type { BrokerSession } from '../../../edge/nats/broker-session.ts';
import { MemoryBroker } from './memory-broker.ts';

/** A connection that gives sessions with one {@link MemoryBroker}. */
export class MemoryConnection implements BrokerAccess {
  readonly broker = new MemoryBroker();
  readonly patienceMs = 4_000;
  /** How often a session was asked for. */
  asked = 0;
  readonly #connect: () => Promise<void>;

  /** @param connect rejects as long as NATS is away */
  constructor(connect: () => Promise<void> = async () => undefined) {
    this.#connect = connect;
  }

  async session(): Promise<BrokerSession> {
    this.asked++;
    await this.#connect();
    return this.broker;
  }

  async available(): Promise<BrokerSession | undefined> {
    return await this.session().catch(() => undefined);
  }

  async useSession<T>(session: BrokerSession, work: (session: BrokerSession) => Promise<T>): Promise<T> {
    return await work(session);
  }

  async use<T>(work: (session: BrokerSession) => Promise<T>): Promise<T> {
    return await work(await this.session());
  }
}
