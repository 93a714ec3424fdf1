import type { HostAnnouncement } from '../../shared/api/host-announcement.ts';
import { LiveHosts } from '../../shared/api/live-hosts.ts';
import { describeThrown } from '../../shared/errors.ts';
import type { JobAddress } from '../../shared/job/job-address.ts';
import { HOST_SUBJECTS, HOSTS_BUCKET, HOSTS_STREAM } from '../../shared/nats/streams.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import type { BucketChange } from '../nats/stored-message.ts';
import type { Logger } from '../telemetry/log.ts';

/** The pause after a watch that could not start. Until then the hosts are not known. */
const RETRY_MS = 30_000;

/** The worker hosts that are alive, kept up to date by a watch on the `HOSTS` bucket over one session. */
export class HostWatch {
  readonly session: Pick<BrokerSession, 'watchBucket' | 'lastMessage' | 'isClosed'>;
  readonly #log: Logger;
  readonly #hosts = new LiveHosts();
  #started: Promise<boolean> | undefined;
  #isComplete = false;
  #looking: Promise<void> | undefined;
  #failedMs = Number.NEGATIVE_INFINITY;
  /** The sequence of the last change. */
  #last = 0;

  constructor(session: HostWatch['session'], log: Logger) {
    this.session = session;
    this.#log = log;
  }

  /** All hosts that are alive; undefined while that is not known. Never throws. */
  async all(): Promise<HostAnnouncement[] | undefined> {
    return (await this.#start()) ? this.#hosts.all(Date.now()) : undefined;
  }

  /** Whether a host can run an operation; undefined while that is not known. Never throws. */
  async isServed(operation: string): Promise<boolean | undefined> {
    if (!(await this.#start())) return undefined;
    if (this.#serves(operation)) return true;
    // A host may have started a moment ago.
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    await this.#looking;
    return this.#serves(operation);
  }

  /** Whether all hosts are known now, and one of them can run an operation. */
  isKnownToServe(operation: string): boolean {
    return this.#isComplete && this.#serves(operation);
  }

  /** Whether a host takes jobs from the own lane of a tenant, and can run an operation, as far as is known now. */
  servesOwnLane({ tenant, operation }: Pick<JobAddress, 'tenant' | 'operation'>): boolean {
    return this.#hosts.serveOwnLane(tenant, operation, Date.now());
  }

  #serves(operation: string): boolean {
    return this.#hosts.serve(operation, Date.now());
  }

  /** Starts the watch once. When it ends, the next call starts it again. @returns whether it runs */
  #start(): Promise<boolean> {
    if (this.#started === undefined && Date.now() - this.#failedMs < RETRY_MS) return Promise.resolve(false);
    this.#started ??= this.#watch().catch((thrown: unknown) => {
      this.#failedMs = Date.now();
      this.#reset();
      this.#log.warn('it is not known which worker hosts are alive', { reason: describeThrown(thrown) });
      return false;
    });
    return this.#started;
  }

  async #watch(): Promise<boolean> {
    let isOver = false;
    const end = (): void => {
      isOver = true;
      this.#reset();
    };
    const take = ({ key, sequence, value }: BucketChange): void => this.#take(key, sequence, value);
    await this.session.watchBucket(HOSTS_BUCKET, take, end);
    // The watch may have ended at the moment when it was complete. What it knew is gone then.
    if (isOver) this.#reset();
    this.#isComplete = !isOver;
    return !isOver;
  }

  /** Reads the last change, in case the watch does not have it yet. */
  async #look(): Promise<void> {
    const last = await this.session.lastMessage(HOSTS_STREAM, HOST_SUBJECTS, true).catch(() => undefined);
    if (last === undefined || last.sequence <= this.#last) return;
    this.#take(last.subject.slice(HOST_SUBJECTS.length - 1), last.sequence, last.data);
  }

  #take(key: string, sequence: number, value: Uint8Array | undefined): void {
    this.#last = Math.max(this.#last, sequence);
    const reason = this.#hosts.take(key, value, Date.now());
    if (reason !== undefined) this.#log.warn('an announcement of a host cannot be read', { key, reason });
  }

  #reset(): void {
    this.#started = undefined;
    this.#isComplete = false;
    this.#hosts.clear();
    this.#last = 0;
  }
}
