import type { HostAnnouncement } from '../../shared/api/host-announcement.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import { writeJson } from '../../shared/wire/json-body.ts';

/** Room for the subject and the headers of an announcement. */
export const ENVELOPE_BYTES = 1_024;

/**
 * Checks that what a host announces fits into one message.
 * @param maxPayload bytes that NATS takes in a message
 * @throws ThroughlineError `config-invalid`
 */
export function checkHostSize(host: HostAnnouncement, maxPayload: number): void {
  const size = writeJson(host).length;
  if (size <= maxPayload - ENVELOPE_BYTES) return;
  const message = `WORKER_OPERATIONS: the announcement of ${host.operations.length} operations has ${size} bytes, and max_payload of nats-server is ${maxPayload}; let the host take fewer operations`;
  throw new ThroughlineError('config-invalid', message);
}
