import type { JsMsg } from '@nats-io/jetstream';
import { headers, type MsgHdrs } from '@nats-io/transport-node';
import { HEADER, headerValues } from '../../shared/wire/headers.ts';
import { idPerRedrive, readRedrive } from '../../shared/wire/redrive.ts';
import { deadSubject, type JobAddress, UNREADABLE_TENANT } from '../../shared/wire/subjects.ts';
import type { StoredPublisher } from './stored-publisher.ts';

export interface DeadLetterReason {
  readonly code: string;
  readonly attempts: number;
}

/** Headers of the message that go along; a stranger's header that commands the server (`Nats-…`) does not. */
const SERVER_HEADER = /^nats-/i;

/**
 * Keeps a message whole (payload and headers) in `DEAD`, with why. Returns once JetStream has it.
 * @throws ThroughlineError `broker-unavailable`
 */
export async function bury(
  publisher: StoredPublisher,
  message: JsMsg,
  address: JobAddress,
  reason: DeadLetterReason,
): Promise<void> {
  const kept = deadLetterHeaders(message.headers, address.jobId, reason);
  await publisher.publishUntilStored(deadSubject(address), message.data, kept);
}

/** Where a message goes whose own subject says nothing: by its place in the stream. */
export function addressOfUnreadable(message: JsMsg): JobAddress {
  return { tenant: UNREADABLE_TENANT, jobId: `seq-${message.seq}`, operation: 'unknown' };
}

/** Headers of the dead letter of a message that came with `inbound`. */
export function deadLetterHeaders(
  inbound: MsgHdrs | undefined,
  jobId: string,
  reason: DeadLetterReason,
): MsgHdrs {
  const kept = headers();
  for (const name of inbound?.keys() ?? []) {
    if (SERVER_HEADER.test(name)) continue;
    for (const value of inbound?.values(name) ?? []) kept.append(name, value);
  }
  kept.set(HEADER.msgId, idPerRedrive(`${jobId}:dead`, readRedrive(headerValues(inbound))?.redriveCount));
  kept.set(HEADER.deadReason, reason.code);
  kept.set(HEADER.deadAttempts, String(reason.attempts));
  return kept;
}
