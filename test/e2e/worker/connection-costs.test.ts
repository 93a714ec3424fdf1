import type { Socket } from 'node:net';
import { errors, type NatsConnection } from '@nats-io/transport-node';
import { expect, it, onTestFinished } from 'vitest';
import { openConnection } from '../../../worker-node/broker/connection/connect.ts';
import { workerConfig } from '../../../worker-node/config.ts';
import { startTestNats } from '../../support/nats/nats.ts';
import { until } from '../../support/poll.ts';

const MESSAGES = 200;

it('a worker writes all messages of one turn of the event loop at once, also after a reconnect', async () => {
  const nats = await startTestNats();
  onTestFinished(() => nats.stop());
  const connection = await openConnection(workerConfig({ NATS_URL: nats.url }), '_INBOX');
  onTestFinished(() => connection.close());
  expect(await writesOf(connection)).toBe(1);
  const first = socketOf(connection);
  await nats.restart();
  await until('a new socket', async () => socketOf(connection) !== first && !connection.isClosed());
  await until('the server to answer', () =>
    connection.flush().then(
      () => true,
      () => false,
    ),
  );
  expect(await writesOf(connection)).toBe(1);
});

/** Publishes messages in one turn, each after a microtask of its own. @returns how many writes they took */
async function writesOf(connection: NatsConnection): Promise<number> {
  let received = 0;
  const subscription = connection.subscribe('batched', {
    callback: () => {
      received++;
    },
  });
  await connection.flush();
  const socket = socketOf(connection);
  let writes = 0;
  // The client may answer a PING of the server at any time.
  const count = (chunks: readonly unknown[]): void => {
    if (chunks.some((chunk) => String(chunk).includes('PUB batched'))) writes++;
  };
  const { _write, _writev } = socket;
  socket._write = (...written) => {
    count([written[0]]);
    _write.apply(socket, written);
  };
  socket._writev = (...written) => {
    count(written[0].map(({ chunk }) => chunk));
    _writev?.apply(socket, written);
  };
  await new Promise(setImmediate);
  for (let n = 0; n < MESSAGES; n++) {
    connection.publish('batched', String(n));
    for (let microtask = 0; microtask < 3; microtask++) await Promise.resolve();
  }
  await until('the messages to come back', () => received === MESSAGES);
  subscription.unsubscribe();
  return writes;
}

function socketOf(connection: NatsConnection): Socket {
  return (connection as unknown as { protocol: { transport: { socket: Socket } } }).protocol.transport.socket;
}

/** Counts the errors of requests that are made while `work` runs: each one sets its name. */
async function errorsMadeIn(work: () => Promise<unknown>): Promise<number> {
  let made = 0;
  Object.defineProperty(errors.RequestError.prototype, 'name', {
    configurable: true,
    get: () => 'RequestError',
    set: () => {
      made++;
    },
  });
  try {
    await work();
    return made;
  } finally {
    Reflect.deleteProperty(errors.RequestError.prototype, 'name');
  }
}

it('a request that is answered makes no error, and one that is not has its error', async () => {
  const nats = await startTestNats();
  onTestFinished(() => nats.stop());
  const connection = await openConnection(workerConfig({ NATS_URL: nats.url }), '_INBOX');
  onTestFinished(() => connection.close());
  connection.subscribe('answered', { callback: (_, message) => void message.respond('yes') });
  const ask = () => connection.request('answered', 'what?', { timeout: 5_000 });
  expect((await ask()).string()).toBe('yes');
  expect(await errorsMadeIn(() => Promise.all([ask(), ask(), ask()]))).toBe(0);

  await expect(connection.request('nobody')).rejects.toThrow(errors.RequestError);
  connection.subscribe('silent', { callback: () => undefined });
  await expect(connection.request('silent', '', { timeout: 50 })).rejects.toThrow(errors.TimeoutError);
  const cut = connection.request('silent', '', { timeout: 5_000 });
  await connection.close();
  await expect(cut).rejects.toThrow(errors.RequestError);
});
