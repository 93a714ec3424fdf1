import type { Msg } from '@nats-io/nats-core';
import { NANOS_PER_MS } from '../../../shared/nats/streams.ts';

/** What the reply subject of a delivered message says about the message. */
interface ReplyInfo {
  /** The number of this delivery. The consumer numbers its deliveries from 1. */
  readonly nth: number;
  /** The sequence of the message in the stream. */
  readonly sequence: number;
  /** When the message was stored, in epoch milliseconds. */
  readonly storedMs: number;
  /** How many more messages the consumer has to deliver. */
  readonly pending: number;
}

/** Reads the reply subject of a message that a consumer delivered. Missing numbers are NaN. */
export function readReplyInfo({ reply = '' }: Msg): ReplyInfo {
  const tokens = reply.split('.');
  // The subject is $JS.ACK.<stream>.<consumer>.<times>.<sequence>.<nth>.<time>.<pending>. Newer servers put a domain
  // and an account before the stream.
  const skip = tokens.length > 9 ? 2 : 0;
  const [sequence, nth, time, pending] = tokens.slice(skip + 5).map(Number);
  return {
    nth: nth ?? Number.NaN,
    sequence: sequence ?? Number.NaN,
    storedMs: Math.floor((time ?? Number.NaN) / NANOS_PER_MS),
    pending: pending ?? Number.NaN,
  };
}
