import type { PulledMessage } from './pulled-message.ts';
import type { Stopwatch } from './stopwatch.ts';

/** From this share of the ack wait on, the broker may be about to give a message to another worker. */
const SAFE_SHARE = 4 / 5;
/** A pull is open for a second at least, and what it brings may wait for a slot. That alone makes no message old. */
const LEAST_MS = 1_250;

/** How old the messages of a pull may be. */
export interface PullAge {
  /** Runs since the pull was opened. */
  readonly asked: Stopwatch;
  readonly ackWaitMs: number;
}

/**
 * Hands a message back, unless it was asked for long ago. Then this process stood still, and another worker may have the message by
 * now: nats-server (2.14) obeys a NAK of an earlier delivery, and would take the message from that worker. If no worker has it, it comes
 * again after its ack wait.
 * @param delayMs how long it stays away
 */
export function handBack(
  message: Pick<PulledMessage, 'nak'>,
  { asked, ackWaitMs }: PullAge,
  delayMs = 0,
): void {
  if (asked.elapsedMs < SAFE_SHARE * ackWaitMs) message.nak(delayMs);
}

/**
 * Whether another worker may have a message that is about to be handled, since it was asked for long ago. It is left alone then: to a
 * worker that handles it, the last attempt of its job would look like one that has ended without an end. If nobody has it, it comes again.
 */
export function mayBeElsewhere({ asked, ackWaitMs }: PullAge): boolean {
  return asked.elapsedMs >= Math.max(LEAST_MS, SAFE_SHARE * ackWaitMs);
}
