import { once } from 'node:events';
import { type AddressInfo, connect as connectSocket, createServer, type Socket } from 'node:net';
import { connect } from '@nats-io/transport-node';
import { expect, it, onTestFinished } from 'vitest';
import { LimitedUsers, loginOf } from '../../support/nats/limited-users.ts';
import { until } from '../../support/poll.ts';
import { withTestStack } from '../../support/stack.ts';

/** A way to NATS that lets through only as many connections as it is told. */
class Gate {
  readonly url: string;
  #left = 0;
  readonly #open = new Set<Socket>();

  /** @param port of nats-server */
  static async start(port: number): Promise<Gate> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const gate = new Gate((server.address() as AddressInfo).port);
    server.on('connection', (client) => gate.#pass(client, port));
    return gate;
  }

  private constructor(port: number) {
    this.url = `nats://127.0.0.1:${port}`;
  }

  /** Lets one more connection through. */
  letOne(): void {
    this.#left += 1;
  }

  /** Whether a connection that was let through is used up, and closed. */
  get isEmpty(): boolean {
    return this.#left === 0 && this.#open.size === 0;
  }

  #pass(client: Socket, port: number): void {
    client.on('error', () => undefined);
    if (this.#left === 0) return void client.destroy();
    this.#left -= 1;
    const server = connectSocket(port, '127.0.0.1');
    server.on('error', () => client.destroy());
    client.pipe(server).pipe(client);
    // What the client still sends then goes nowhere. Unread, it would hide the end of the client.
    server.on('close', () => client.resume());
    this.#open.add(client);
    client.on('close', () => {
      this.#open.delete(client);
      server.destroy();
    });
  }
}

it('a worker whose user NATS refuses now and then goes on, if it could log in after each refusal', async () => {
  const users = await LimitedUsers.start();
  const { url } = users.nats;
  const gate = await Gate.start(Number(new URL(url).port));
  gate.letOne();
  const stack = await withTestStack({
    nats: users.nats,
    tracing: false,
    edge: loginOf('edge'),
    worker: { ...loginOf('worker'), NATS_URL: gate.url },
  });
  const unlessItEnds = async (what: string, look: () => Promise<boolean> | boolean): Promise<void> => {
    expect(await Promise.race([until(what, look), stack.worker.exited])).toBe(true);
  };
  for (const input of [1, 2, 3]) {
    gate.letOne();
    await users.remove('worker');
    await unlessItEnds('one login that NATS refuses', () => gate.isEmpty);
    await users.take('worker');
    await until('the user to be back', async () => {
      const { NATS_USER: user, NATS_PASSWORD: pass } = loginOf('worker');
      await (await connect({ servers: url, user, pass })).close();
      return true;
    });
    gate.letOne();
    expect(await stack.run('echo', input)).toMatchObject({ state: 'succeeded', result: input });
  }
});
