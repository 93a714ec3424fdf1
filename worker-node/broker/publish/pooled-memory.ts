import { MsgHdrsImpl } from '@nats-io/nats-core';
import type { NatsConnection } from '@nats-io/transport-node';

/**
 * A text as UTF-8, in Node's pooled memory: `Buffer.from` takes slices of one larger buffer. `TextEncoder` allocates memory each
 * time, which costs more than the encoding, and once more when it is collected. Half a surrogate pair becomes U+FFFD in both.
 */
export function pooledUtf8(text: string): Uint8Array {
  return Buffer.from(text);
}

/** Headers that are encoded in pooled memory. The client copies them before it writes. */
export class PooledHeaders extends MsgHdrsImpl {
  override encode(): Uint8Array {
    return pooledUtf8(this.toString());
  }
}

/** What the NATS client sends with, and where it collects until it writes (nats-core 3.4.0). It does not export them. */
interface Sending {
  sendCommand(command: string | Uint8Array, ...payloads: Uint8Array[]): void;
  readonly outbound: { readonly buffers: Uint8Array[]; readonly byteLength: number; pack(): void };
}

/**
 * Lets a connection keep in pooled memory what it sends: its commands, and what it puts together from them. A worker sends three
 * messages for each job. Do not use it for a WebSocket, which sends the whole buffer behind a slice.
 */
export function poolMemory(connection: NatsConnection): void {
  const protocol = sendingOf(connection);
  if (protocol === undefined) return;
  const { outbound } = protocol;
  const send: Sending['sendCommand'] = protocol.sendCommand.bind(protocol);
  protocol.sendCommand = (command, ...payloads) =>
    send(typeof command === 'string' ? pooledUtf8(command) : command, ...payloads);
  outbound.pack = () => {
    const { buffers, byteLength } = outbound;
    if (buffers.length > 1) buffers.splice(0, buffers.length, Buffer.concat(buffers, byteLength));
  };
}

/** Looks where the client keeps it. It stays the same after a reconnect. */
function sendingOf(connection: NatsConnection): Sending | undefined {
  const { protocol } = connection as unknown as { readonly protocol?: Partial<Sending> };
  const isKnown =
    typeof protocol?.sendCommand === 'function' &&
    typeof protocol.outbound?.pack === 'function' &&
    Array.isArray(protocol.outbound.buffers);
  return isKnown ? (protocol as Sending) : undefined;
}
