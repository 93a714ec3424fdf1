import { ThroughlineError } from '../../../shared/errors.ts';
import type { NatsHeadersLike } from '../../../shared/propagation/index.ts';
import { toBinaryMode } from '../../../shared/wire/structured-event.ts';
import type { PulledMessage, Received } from './pulled-message.ts';
import type { Stopwatch } from './stopwatch.ts';

/** The size of a body that NATS left out. */
const LEFT_OUT_SIZE = 'Nats-Msg-Size';

/** How a worker answers a delivery. */
export type Ack =
  | { readonly kind: 'ack' }
  | { readonly kind: 'nak'; readonly delayMs: number }
  | { readonly kind: 'term'; readonly reason: string }
  /**
   * No answer. Either another delivery of the message is answered, or the broker delivers the message again after the
   * ack wait.
   */
  | { readonly kind: 'none' };

/** One message that JetStream gave to this worker. */
export interface Delivery {
  readonly subject: string;
  readonly headers: NatsHeadersLike | undefined;
  readonly data: Uint8Array;
  /** The sequence of the message in its stream. */
  readonly sequence: number;
  /** When the broker stored the message. */
  readonly storedAt: Date;
  /** How many times this consumer has delivered the message, this delivery included. */
  readonly deliveryCount: number;
  /** Whether no worker got the message before. Also false if this is not known. */
  readonly isFirst: boolean;
  /** Runs since this worker asked for the message. The broker cannot have sent it before. */
  readonly asked: Stopwatch;
  /** Restarts the ack wait of this delivery. */
  readonly working: () => void;
  /**
   * Sends the answer to this delivery. Call this once. The call does not wait for the broker. If the answer is lost,
   * the message is delivered again, and the worker finds that the job has ended.
   */
  readonly settle: (ack: Ack) => void;
}

/**
 * Returns a key for the message of a delivery. The sequence alone is not enough: a stream that was deleted and created again
 * counts from 1 again.
 */
export function messageKey({ sequence, subject }: Delivery): string {
  return `${sequence} ${subject}`;
}

/**
 * Makes a {@link Delivery} of a message of the NATS client. A CloudEvent in structured mode is delivered in binary mode.
 * @param consumerCreatedMs when the consumer was created, on the broker's clock. A deleted consumer may have delivered
 *   an older message before. The count of the new consumer does not include that delivery
 */
export function deliveryOf({ message, asked, after }: Received, consumerCreatedMs: number): Delivery {
  const { deliveryCount } = message.info;
  // A consumer delivers new messages in the order of the stream. One out of order comes from a consumer that this host does not know.
  const isOfKnown = message.seq > after && message.time.getTime() > consumerCreatedMs;
  const { headers, data } = toBinaryMode(message);
  return {
    subject: message.subject,
    headers,
    data,
    sequence: message.seq,
    storedAt: message.time,
    deliveryCount,
    isFirst: deliveryCount === 1 && isOfKnown,
    asked,
    working: () => message.working(),
    settle: (ack) => settle(message, ack),
  };
}

/**
 * Checks that the message came with its body: somebody may have changed the consumer since the worker looked at it.
 * @throws ThroughlineError `broker-unavailable`: the message has to come again
 */
export function checkBody({ headers, data }: Pick<Delivery, 'headers' | 'data'>): void {
  if (data.length > 0) return;
  if ((headers?.values(LEFT_OUT_SIZE) ?? []).every((size) => size === '0')) return;
  const message = 'NATS delivers only the headers of the message: headers_only of the consumer must be false';
  throw new ThroughlineError('broker-unavailable', message);
}

function settle(message: PulledMessage, ack: Ack): void {
  if (ack.kind === 'ack') message.ack();
  else if (ack.kind === 'nak') message.nak(ack.delayMs);
  else if (ack.kind === 'term') message.term(ack.reason);
}
