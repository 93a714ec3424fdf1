import type { JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { HostAnnouncement } from '../../shared/api/host-announcement.ts';
import { LiveHosts } from '../../shared/api/live-hosts.ts';
import { describeThrown } from '../../shared/errors.ts';
import { HOST_SUBJECTS, HOSTS_STREAM } from '../../shared/nats/streams.ts';
import type { WorkerLogger } from '../log.ts';
import { lastMessages } from './last-message.ts';

/** What this host knows about the other hosts: their stored announcements at the start, and each that came since. */
export class HostWatch {
  readonly #hosts = new LiveHosts();
  readonly #group: string;
  readonly #log: Pick<WorkerLogger, 'warn'>;

  private constructor(group: string, log: Pick<WorkerLogger, 'warn'>) {
    this.#group = group;
    this.#log = log;
  }

  /**
   * Listens from the moment it resolves. Where this user may not listen, a warning is logged, and the watch knows of no
   * other host. Then jobs of operations that this host does not have wait longer for another host.
   */
  static async start(
    { connection, manager }: { readonly connection: NatsConnection; readonly manager: JetStreamManager },
    group: string,
    log: Pick<WorkerLogger, 'warn'>,
  ): Promise<HostWatch> {
    const watch = new HostWatch(group, log);
    const warn = (thrown: unknown): void =>
      log.warn({ reason: describeThrown(thrown) }, 'the announcements of other hosts cannot be read');
    connection.subscribe(HOST_SUBJECTS, {
      callback: (error, message) => {
        if (error !== null) warn(error);
        else watch.#take(message.subject, message.data);
      },
    });
    await storedHosts(manager, (subject, value) => watch.#take(subject, value)).catch(warn);
    return watch;
  }

  /** Whether another host of this worker group can run an operation. */
  serves(operation: string): boolean {
    return this.#hosts.serving(operation, Date.now()).some(({ group }) => group === this.#group);
  }

  /** How many hosts are alive, in all worker groups. */
  get alive(): number {
    return this.#hosts.all(Date.now()).length;
  }

  /** How many hosts that are alive announce an operation, in all worker groups. */
  serving(operation: string): number {
    return this.#hosts.serving(operation, Date.now()).length;
  }

  /** Whether a host is alive, and can run an operation. @param since when it started; undefined: any host with this name */
  runs(
    { host, since }: { readonly host: string; readonly since: string | undefined },
    operation: string,
  ): boolean {
    return this.#hosts
      .serving(operation, Date.now())
      .some((other) => other.host === host && (since === undefined || other.since === since));
  }

  #take(subject: string, value: Uint8Array): void {
    const reason = this.#hosts.take(subject, value, Date.now());
    if (reason !== undefined) this.#log.warn({ subject, reason }, 'an announcement of a host cannot be read');
  }
}

/** The hosts whose announcements the bucket holds now. @throws whatever the NATS client throws */
export async function readHosts(manager: JetStreamManager): Promise<HostAnnouncement[]> {
  const hosts = new LiveHosts();
  const now = Date.now();
  await storedHosts(manager, (subject, value) => hosts.take(subject, value, now));
  return hosts.all(now);
}

async function storedHosts(
  manager: JetStreamManager,
  take: (subject: string, value: Uint8Array) => void,
): Promise<void> {
  for await (const { subject, data } of lastMessages(manager, HOSTS_STREAM, HOST_SUBJECTS))
    take(subject, data);
}
