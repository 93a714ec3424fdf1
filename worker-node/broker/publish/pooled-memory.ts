import { TE } from '@nats-io/nats-core/internal';
import type { NatsConnection } from '@nats-io/transport-node';

/**
 * A text as UTF-8, in memory that Node hands out in slices. `TextEncoder` asks for memory of its own each time, which costs more
 * than the encoding, and again when it is collected. Half a surrogate pair becomes U+FFFD, as there.
 */
export function pooledUtf8(text = ''): Uint8Array {
  return Buffer.from(text);
}

/** What the NATS client collects until it writes (nats-core 3.4.0, `DataBuffer`). */
interface Outbound {
  readonly buffers: Uint8Array[];
  readonly byteLength: number;
  pack(): void;
}

/**
 * Lets a connection keep what it sends in memory that Node hands out in slices: the commands, the headers, and what it puts together
 * from them. A worker sends three messages for each job. Connections of other clients in this process get the same encoder.
 */
export function poolMemory(connection: NatsConnection): void {
  TE.encode = pooledUtf8 as typeof TE.encode;
  const outbound = outboundOf(connection);
  if (outbound === undefined) return;
  outbound.pack = () => {
    const { buffers, byteLength } = outbound;
    if (buffers.length > 1) buffers.splice(0, buffers.length, Buffer.concat(buffers, byteLength));
  };
}

/** The client does not show it, so this looks for it where the client keeps it. It stays the same after a reconnect. */
function outboundOf(connection: NatsConnection): Outbound | undefined {
  const { protocol } = connection as unknown as {
    readonly protocol?: { readonly outbound?: Partial<Outbound> };
  };
  const outbound = protocol?.outbound;
  return typeof outbound?.pack === 'function' && Array.isArray(outbound.buffers)
    ? (outbound as Outbound)
    : undefined;
}
