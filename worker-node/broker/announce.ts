import { Kvm } from '@nats-io/kv';
import type { OperationAnnouncement } from '../../shared/api/operation.ts';
import { OPERATIONS_BUCKET } from '../../shared/nats/streams.ts';
import { writeJson } from '../../shared/wire/json-body.ts';
import type { Broker } from './connect.ts';

/**
 * Writes what this host can run into the bucket `OPERATIONS`, which must exist. The last announcement of an operation
 * replaces the ones before.
 */
export async function announce(
  { jetStream }: Pick<Broker, 'jetStream'>,
  announcements: readonly OperationAnnouncement[],
): Promise<void> {
  const bucket = await new Kvm(jetStream).open(OPERATIONS_BUCKET);
  await Promise.all(
    announcements.map((announcement) => bucket.put(announcement.name, writeJson(announcement))),
  );
}
