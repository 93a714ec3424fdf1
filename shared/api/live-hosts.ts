import { type HostAnnouncement, readHostAnnouncement } from './host-announcement.ts';

interface LiveHost {
  readonly announcement: HostAnnouncement;
  readonly operations: ReadonlySet<string>;
  /** Epoch milliseconds on the reader's clock. */
  readonly untilMs: number;
}

/**
 * The worker hosts that are alive, as their announcements say. A lease counts from the moment at which the announcement
 * arrived, on the reader's own clock. So a host whose clock is wrong counts like any other.
 */
export class LiveHosts {
  readonly #hosts = new Map<string, LiveHost>();

  /**
   * Takes a change of the bucket `HOSTS`.
   * @param value undefined or empty if the host has left. A value that cannot be read counts as empty.
   * @param now epoch milliseconds, as in all methods of this class
   * @returns what is wrong with a value that cannot be read; undefined if nothing is
   */
  take(key: string, value: Uint8Array | undefined, now: number): string | undefined {
    const announcement = value?.length ? readHostAnnouncement(value) : undefined;
    if (typeof announcement !== 'object') {
      this.#hosts.delete(key);
      return announcement;
    }
    const operations = new Set(announcement.operations);
    this.#hosts.set(key, { announcement, operations, untilMs: now + announcement.leaseMs });
    return undefined;
  }

  clear(): void {
    this.#hosts.clear();
  }

  /** All hosts that are alive. */
  all(now: number): HostAnnouncement[] {
    return this.#alive(now).map(({ announcement }) => announcement);
  }

  /** Whether a host can run an operation. Each submission asks, so this makes no list. */
  serve(operation: string, now: number): boolean {
    for (const [key, { operations, untilMs }] of this.#hosts) {
      if (untilMs <= now) this.#hosts.delete(key);
      else if (operations.has(operation)) return true;
    }
    return false;
  }

  /** The hosts that can run an operation. */
  serving(operation: string, now: number): HostAnnouncement[] {
    return this.#alive(now)
      .filter(({ operations }) => operations.has(operation))
      .map(({ announcement }) => announcement);
  }

  /** Whether a host takes jobs from the own lane of a tenant, and can run an operation. */
  serveOwnLane(tenant: string, operation: string, now: number): boolean {
    for (const { announcement, operations, untilMs } of this.#hosts.values())
      if (untilMs > now && operations.has(operation) && announcement.ownLanes?.includes(tenant)) return true;
    return false;
  }

  #alive(now: number): LiveHost[] {
    for (const [key, { untilMs }] of this.#hosts) if (untilMs <= now) this.#hosts.delete(key);
    return [...this.#hosts.values()];
  }
}
