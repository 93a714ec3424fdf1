import type { Socket } from 'node:net';
import type { NatsConnection } from '@nats-io/transport-node';
import { socketOf } from './socket.ts';
import { statusesOf } from './statuses.ts';

/**
 * Makes a connection write to its socket once for each turn of the event loop. The NATS client (nats-core 3.4.0) writes
 * once for each microtask that publishes, so a worker with many jobs would call the system for each event and each ack.
 * A connection over a WebSocket stays as it is.
 */
export function batchWrites(connection: NatsConnection): void {
  batchSocket(connection);
  // Without the state of the connection, later sockets write as the client does.
  batchAfterReconnects(connection).catch(() => undefined);
}

/** Each connect has a socket of its own. */
async function batchAfterReconnects(connection: NatsConnection): Promise<void> {
  for await (const { type } of statusesOf(connection)) if (type === 'reconnect') batchSocket(connection);
}

function batchSocket(connection: NatsConnection): void {
  const socket = socketOf(connection);
  if (socket === undefined) return;
  const write: Socket['write'] = socket.write.bind(socket);
  const writeInBatch = (...written: Parameters<Socket['write']>): boolean => {
    if (socket.writableCorked === 0) {
      socket.cork();
      setImmediate(() => socket.uncork());
    }
    return write(...written);
  };
  socket.write = writeInBatch as Socket['write'];
}
