import type { NatsConnection, Status } from '@nats-io/transport-node';

/**
 * What happens to a connection, until it is closed. A loss and a return come once each: the client (nats-core 3.4.0) tells of a loss
 * again for each server that hangs up before the login, over a WebSocket for each attempt that fails, and of the return as often.
 */
export async function* statusesOf(connection: Pick<NatsConnection, 'status'>): AsyncGenerator<Status> {
  let last: Status['type'] | undefined;
  for await (const status of connection.status()) {
    const { type } = status;
    if (type === 'disconnect' || type === 'reconnect') {
      if (type === last) continue;
      last = type;
    }
    yield status;
  }
}
