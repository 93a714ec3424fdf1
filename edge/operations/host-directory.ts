import type { ListedOperation } from '../../shared/api/answers/operation-list.ts';
import type { HostAnnouncement } from '../../shared/api/host-announcement.ts';
import type { Job } from '../../shared/job/job.ts';
import type { JobAddress } from '../../shared/job/job-address.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import type { RequestBroker } from '../nats/request-broker.ts';
import type { Logger } from '../telemetry/log.ts';
import { HostWatch } from './host-watch.ts';
import { listedOperation } from './listed-operation.ts';
import type { AnnouncedOperation } from './operation-watch.ts';

/** Which worker hosts are alive, and what they can run. While NATS is away, nothing is known about that. */
export class HostDirectory {
  readonly #log: Logger;
  #watch: HostWatch | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** How many hosts are alive; undefined while that is not known. */
  async count(broker: RequestBroker): Promise<number | undefined> {
    const hosts = await broker.ask((session) => this.#watchOver(session).all());
    return hosts?.length;
  }

  /** Learns which hosts are alive, unless that is known. Never throws. */
  async learn(session: BrokerSession): Promise<void> {
    await this.#watchOver(session).all();
  }

  /** Whether a host can run an operation; undefined while that is not known. */
  isServed(broker: RequestBroker, operation: string): true | Promise<boolean | undefined> {
    const { session } = broker;
    if (session !== undefined && this.#watchOver(session).isKnownToServe(operation)) return true;
    return broker.ask((one) => this.#watchOver(one).isServed(operation));
  }

  /**
   * Whether a host takes jobs from the own lane of a tenant, and can run an operation, as far as is known now. Call {@link learn} or
   * {@link isServed} first.
   */
  servesOwnLane(job: Pick<JobAddress, 'tenant' | 'operation'>): boolean {
    return this.#watch?.servesOwnLane(job) === true;
  }

  /** Marks a job that waits for a host: one that is not running, has not ended, and whose operation no host serves. */
  async mark(broker: RequestBroker, job: Job): Promise<Job> {
    if (job.state !== 'queued' && job.state !== 'retrying') return job;
    return (await this.isServed(broker, job.operation)) === false ? { ...job, served: false } : job;
  }

  /** Adds to each operation how many hosts serve it, and since when; nothing while that is not known. */
  async list(session: BrokerSession, operations: readonly AnnouncedOperation[]): Promise<ListedOperation[]> {
    const hosts = await this.#watchOver(session).all();
    return operations.map((operation) => ({
      ...listedOperation(operation),
      ...(hosts === undefined ? {} : servedBy(hosts, operation.name)),
    }));
  }

  /** There is one watch at a time. A caller whose session has closed gets the watch over the newer session. */
  #watchOver(session: BrokerSession): HostWatch {
    const current = this.#watch;
    if (current !== undefined && (current.session === session || session.isClosed)) return current;
    const watch = new HostWatch(session, this.#log);
    this.#watch = watch;
    return watch;
  }
}

function servedBy(hosts: readonly HostAnnouncement[], operation: string): { hosts: number; since?: string } {
  const serving = hosts.filter(({ operations }) => operations.includes(operation));
  const [since] = serving.map((host) => host.since).sort();
  return { hosts: serving.length, ...(since === undefined ? {} : { since }) };
}
