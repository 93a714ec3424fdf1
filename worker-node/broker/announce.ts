import type { JetStreamClient } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import type { OperationAnnouncement } from '../../shared/api/operation.ts';
import { OPERATIONS_BUCKET } from '../../shared/nats/streams.ts';
import { writeJson } from '../../shared/wire/json-body.ts';

/** Tells in the `OPERATIONS` bucket, which is there, what this host can run. The last host to announce an operation is believed. */
export async function announce(
  jetStream: JetStreamClient,
  announcements: readonly OperationAnnouncement[],
): Promise<void> {
  const bucket = await new Kvm(jetStream).open(OPERATIONS_BUCKET);
  await Promise.all(
    announcements.map((announcement) => bucket.put(announcement.name, writeJson(announcement))),
  );
}
