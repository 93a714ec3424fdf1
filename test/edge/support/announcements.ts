import { HostAnnouncement } from '../../../shared/api/host-announcement.ts';
import type { OperationAnnouncement } from '../../../shared/api/operation.ts';

/** The announcement of a host that can run these operations. */
export function hostOf(
  operations: readonly string[],
  more: Partial<HostAnnouncement> = {},
): HostAnnouncement {
  return HostAnnouncement.parse({
    host: 'host-1',
    version: '1.0.0',
    group: 'workers',
    concurrency: 10,
    leaseMs: 90_000,
    since: '2026-01-01T00:00:00.000Z',
    operations,
    ...more,
  });
}

/** The definition of an operation that takes any input. */
export function announcement(name: string): OperationAnnouncement {
  return { name, inputSchema: true, timeoutMs: 30_000, maxAttempts: 5 };
}
