import type { JsMsg } from '@nats-io/jetstream';

/** What the broker is told at the end of a delivery. */
export type Settlement =
  | { readonly kind: 'ack' }
  | { readonly kind: 'nak'; readonly delayMs: number }
  | { readonly kind: 'term'; readonly reason: string }
  /** Nothing: the message is another delivery's now, or comes back when its ack wait is over. */
  | { readonly kind: 'none' };

/**
 * Tells the broker; called once per delivery. Nobody waits for its answer: what is lost of it costs a redelivery, which
 * finds the job's end on record. Before the worker goes, the connection is flushed.
 */
export function settle(message: JsMsg, settlement: Settlement): void {
  if (settlement.kind === 'ack') message.ack();
  else if (settlement.kind === 'nak') message.nak(settlement.delayMs);
  else if (settlement.kind === 'term') message.term(settlement.reason);
}
