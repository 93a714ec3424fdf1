import { jetstream } from '@nats-io/jetstream';
import { type NatsConnection, wsconnect } from '@nats-io/nats-core';

let published = 0;

/** Publishes one job with plain nats.js over a WebSocket, as the edge does. */
async function publish(connection: NatsConnection): Promise<void> {
  const id = `plain-${++published}`;
  await jetstream(connection).publish(`jobs.normal.p0.bench.${id}.bench.nobody`, '1', { msgID: id });
}

/** A connection that stays: the least that a publish can take. */
export class OpenConnection {
  readonly #connection: NatsConnection;

  private constructor(connection: NatsConnection) {
    this.#connection = connection;
  }

  static async open(url: string): Promise<OpenConnection> {
    return new OpenConnection(await wsconnect({ servers: url }));
  }

  publish(): Promise<void> {
    return publish(this.#connection);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }
}

/** Connects, publishes and closes, as a Worker does that keeps no connection open. */
export async function connectAndPublish(url: string): Promise<void> {
  const connection = await wsconnect({ servers: url });
  await publish(connection);
  await connection.close();
}
