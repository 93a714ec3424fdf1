import { headers } from '@nats-io/transport-node';
import type { JobAddress } from '../../shared/job/job-address.ts';
import type { NatsHeadersLike } from '../../shared/propagation/index.ts';
import { HEADER, headerValues } from '../../shared/wire/headers.ts';
import { idPerRedrive, readRedrive } from '../../shared/wire/redrive.ts';
import { deadSubject } from '../../shared/wire/subjects.ts';
import type { Delivery } from './consume/delivery.ts';
import type { MessageHeaders, StoredPublisher } from './stored-publisher.ts';

export interface DeadLetterReason {
  readonly code: string;
  readonly attempts: number;
}

/** These headers command the server, so they are not copied. */
const SERVER_HEADER = /^nats-/i;

/**
 * Stores a message in `DEAD`, with its whole payload, its headers, and the reason. Returns once JetStream has it.
 * @throws ThroughlineError `broker-unavailable`
 */
export async function moveToDeadLetters(
  publisher: StoredPublisher,
  delivery: Delivery,
  address: JobAddress,
  reason: DeadLetterReason,
): Promise<void> {
  const written = deadLetterHeaders(delivery.headers, address.jobId, reason);
  await publisher.publishUntilStored(deadSubject(address), delivery.data, written);
}

/** Headers of the dead letter of a message that came with `inbound`. */
export function deadLetterHeaders(
  inbound: NatsHeadersLike | undefined,
  jobId: string,
  reason: DeadLetterReason,
): MessageHeaders {
  const written = headers();
  for (const name of inbound?.keys() ?? []) {
    if (SERVER_HEADER.test(name)) continue;
    for (const value of inbound?.values(name) ?? []) written.append(name, value);
  }
  written.set(HEADER.msgId, idPerRedrive(`${jobId}:dead`, readRedrive(headerValues(inbound))?.redriveCount));
  written.set(HEADER.deadReason, reason.code);
  written.set(HEADER.deadAttempts, String(reason.attempts));
  return written;
}
