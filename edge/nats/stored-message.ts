/** What the streams hold, in words of our own. */
import type { MsgHdrs } from 'nats.ws';

/** A message as it is stored in a stream. */
export interface StoredMessage {
  /** Its place in the stream. */
  readonly sequence: number;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: MsgHdrs | undefined;
  readonly time: Date;
}

/** How far a consumer of a stream is. */
export interface ConsumerPlace {
  readonly filter: string;
  /** The last message that was delivered, by its place in the stream. */
  readonly delivered: number;
}

/** What a stream holds, as its leader says. */
export interface StreamExtent {
  /** When the stream was made: another one of the same name was made at another time. */
  readonly created: string;
  /** The first sequence that is there, and the last one that was given; first = last + 1 where there is nothing. */
  readonly first: number;
  readonly last: number;
}

/** One key of the `OPERATIONS` bucket: its value, or undefined when it was deleted. */
export interface BucketChange {
  readonly key: string;
  readonly value: Uint8Array | undefined;
}

/** Bounds a wait: see `BrokerSession`. */
export type Answer = <T>(call: Promise<T>) => Promise<T>;
