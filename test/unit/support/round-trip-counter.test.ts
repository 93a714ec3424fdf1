import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { RoundTripCounter } from '../../support/nats/round-trip-counter.ts';

const HOST = '127.0.0.1';
const turn = (): Promise<unknown> => new Promise(setImmediate);

/** Asks a server that answers each byte with one, through a counter. */
async function askThroughCounter() {
  const server = createServer((socket) => socket.pipe(socket)).listen(0, HOST);
  await once(server, 'listening');
  const counter = await RoundTripCounter.start((server.address() as AddressInfo).port);
  const sockets: Socket[] = [];
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await counter.stop();
    server.close();
  });
  /** A line on which one question after the other is asked. */
  const newLine = async (): Promise<() => Promise<unknown>> => {
    const socket = connect(counter.port, HOST);
    sockets.push(socket);
    await once(socket, 'connect');
    return async () => {
      socket.write('?');
      await once(socket, 'data');
    };
  };
  return { newLine, count: (send: () => Promise<unknown>) => counter.count(send, turn) };
}

it('what is asked because of an answer is another round trip', async () => {
  const { newLine, count } = await askThroughCounter();
  const ask = await newLine();
  const three = async (): Promise<void> => {
    for (let n = 0; n < 3; n++) await ask();
  };
  expect(await count(three)).toBe(3);
});

it('what is asked at once is one round trip', async () => {
  const { newLine, count } = await askThroughCounter();
  const asks = await Promise.all([newLine(), newLine(), newLine()]);
  expect(await count(() => Promise.all(asks.map((ask) => ask())))).toBe(1);
});

it('a request that asks nothing needs no round trip, and one that fails fails', async () => {
  const { count } = await askThroughCounter();
  expect(await count(() => Promise.resolve())).toBe(0);
  await expect(count(() => Promise.reject(new Error('on purpose')))).rejects.toThrow('on purpose');
});

it('what others ask meanwhile does not count', async () => {
  const { newLine, count } = await askThroughCounter();
  const [ask, askOther] = await Promise.all([newLine(), newLine()]);
  const others = async (): Promise<void> => {
    for (let n = 0; n < 5; n++) await askOther();
  };
  let end: Promise<void> | undefined;
  const two = async (): Promise<void> => {
    end = others();
    await ask();
    await ask();
  };
  expect(await count(two)).toBe(2);
  await end;
});
