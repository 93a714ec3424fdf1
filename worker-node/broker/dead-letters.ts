import { headers } from '@nats-io/transport-node';
import { SpanKind } from '@opentelemetry/api';
import type { JobAddress } from '../../shared/job/job-address.ts';
import type { NatsHeadersLike } from '../../shared/propagation/index.ts';
import { describeError } from '../../shared/trace/describe-error.ts';
import { messagingSpan } from '../../shared/trace/messaging-span.ts';
import { ATTR, WORKER_ATTR } from '../../shared/trace/semantics.ts';
import { serverAttributes } from '../../shared/trace/server-address.ts';
import {
  DEAD_LETTER_HEADERS,
  type DeadLetterReason,
  writeDeadLetterReason,
} from '../../shared/wire/dead-letter.ts';
import { HEADER, headerValues } from '../../shared/wire/headers.ts';
import { idPerRedrive, readRedrive } from '../../shared/wire/redrive.ts';
import { deadSubject } from '../../shared/wire/subjects.ts';
import type { WorkerLogger } from '../log.ts';
import { tracer } from '../telemetry/tracer.ts';
import type { Delivery } from './consume/delivery.ts';
import { type MessageHeaders, messageSize, type StoredPublisher } from './stored-publisher.ts';

/** These headers command the server, so they are not copied. */
const SERVER_HEADER = /^nats-/i;

interface DeadLetterParts {
  readonly publisher: StoredPublisher;
  readonly log: WorkerLogger;
}

/**
 * Stores a message in `DEAD`, with its whole payload, its headers, and the reason. Returns once JetStream has it. The
 * texts of the reason are left out if the message would become too large for NATS. A message that was published
 * before `max_payload` became smaller may not fit even so; then there is no dead letter, and the log says it.
 * @throws ThroughlineError `broker-unavailable`
 */
export async function moveToDeadLetters(
  { publisher, log }: DeadLetterParts,
  delivery: Delivery,
  address: JobAddress,
  reason: DeadLetterReason,
): Promise<void> {
  const { code, attempts } = reason;
  const variants = [reason, { code, attempts }].map((variant) =>
    deadLetterHeaders(delivery.headers, address.jobId, variant),
  );
  const { maxPayload } = publisher;
  const fitting = variants.find((headers) => messageSize(delivery.data, headers) <= maxPayload);
  if (fitting !== undefined)
    return await inMoveSpan({ publisher, address, code, bytes: delivery.data.length }, (subject) =>
      publisher.publishUntilStored(subject, delivery.data, fitting),
    );
  const sizes = { bytes: delivery.data.length, max_payload: maxPayload };
  log.error({ job_id: address.jobId, ...sizes }, 'dead letter not stored: it is too large for NATS');
}

interface Move {
  readonly publisher: Pick<StoredPublisher, 'server'>;
  readonly address: JobAddress;
  /** Why the message is a dead letter. */
  readonly code: string;
  readonly bytes: number;
}

/**
 * Stores a dead letter in a span. It is of the kind CLIENT: the message keeps the context of the span that sent the job, so
 * nobody continues from this one.
 */
async function inMoveSpan(
  { publisher, address, code, bytes }: Move,
  store: (subject: string) => Promise<unknown>,
): Promise<void> {
  const subject = deadSubject(address);
  const { name, attributes } = messagingSpan('send', subject);
  const job = { [ATTR.messageId]: address.jobId, [ATTR.jobId]: address.jobId };
  const size = { [ATTR.messageBodySize]: bytes, [WORKER_ATTR.jobErrorCode]: code };
  const span = tracer.startSpan(name, {
    kind: SpanKind.CLIENT,
    attributes: { ...attributes, ...serverAttributes(publisher.server), ...job, ...size },
  });
  try {
    await store(subject);
  } catch (thrown) {
    describeError(span, thrown);
    throw thrown;
  } finally {
    span.end();
  }
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
  // Whoever published the message may have set them.
  for (const name of DEAD_LETTER_HEADERS) written.delete(name);
  writeDeadLetterReason(reason, (name, value) => written.set(name, value));
  return written;
}
