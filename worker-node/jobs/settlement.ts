import type { JsMsg } from '@nats-io/jetstream';

/** What the broker is told at the end of a delivery. */
export type Settlement =
  | { readonly kind: 'ack' }
  | { readonly kind: 'nak'; readonly delayMs: number }
  | { readonly kind: 'term'; readonly reason: string };

/** Tells the broker; called once per delivery. */
export function settle(message: JsMsg, settlement: Settlement): void {
  if (settlement.kind === 'ack') message.ack();
  else if (settlement.kind === 'nak') message.nak(settlement.delayMs);
  else message.term(settlement.reason);
}
