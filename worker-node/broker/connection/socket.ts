import type { Socket } from 'node:net';
import type { NatsConnection } from '@nats-io/transport-node';
import { statusesOf } from './statuses.ts';

/**
 * The socket of a connection; undefined for a WebSocket, and while there is none. The client (nats-core 3.4.0) does not show its
 * socket, so this looks for it where the client keeps it. Each connect has a socket of its own.
 */
export function socketOf(connection: NatsConnection): Socket | undefined {
  const { protocol } = connection as unknown as {
    readonly protocol?: { readonly transport?: { readonly socket?: Partial<Socket> } };
  };
  const socket = protocol?.transport?.socket;
  return typeof socket?.cork === 'function' ? (socket as Socket) : undefined;
}

/**
 * Ends the socket of a server that does not answer pings, so that the client connects again. The client itself (transport-node 3.4.0)
 * first waits until all is sent that it has written. A server that stands still, and reads nothing, keeps it waiting for ever.
 */
export async function endSilentSockets(connection: NatsConnection): Promise<void> {
  for await (const { type } of statusesOf(connection))
    if (type === 'staleConnection') socketOf(connection)?.destroy();
}
