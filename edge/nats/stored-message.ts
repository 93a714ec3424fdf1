import type { NatsHeadersLike } from '../../shared/propagation/index.ts';

/** A message as a stream stores it. */
export interface StoredMessage {
  /** The place of the message in the stream. */
  readonly sequence: number;
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: NatsHeadersLike | undefined;
  /** When the stream stored it. */
  readonly time: Date;
}

/** How far a consumer of a stream has read. */
export interface ConsumerPlace {
  /** The subjects that it reads; wildcards allowed. */
  readonly filter: string;
  /** The sequence of the last message that was delivered. */
  readonly delivered: number;
}

/** What a stream holds, as its leader says. */
export interface StreamExtent {
  /** When the stream was created. A stream that was deleted and created again has another time. */
  readonly created: string;
  /** The lowest sequence that is stored; one above {@link last} in an empty stream, 0 in one that never held anything. */
  readonly first: number;
  /** When that was stored, in epoch milliseconds. It says nothing if nothing is stored. */
  readonly firstMs: number;
  /** The highest sequence that was given so far. */
  readonly last: number;
  readonly bytes: number;
  /** How many bytes it may hold; undefined: as many as there is room for. */
  readonly cap: number | undefined;
  /** Only of `EVENTS`: how many bytes may be stored of the jobs of one tenant; undefined: nobody has said it. */
  readonly tenantShare?: number | undefined;
}

/** One key of a key-value bucket; its value is undefined when the key was deleted. */
export interface BucketChange {
  readonly key: string;
  /** The sequence of the change in the stream of the bucket. */
  readonly sequence: number;
  readonly value: Uint8Array | undefined;
}
