import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { until } from '../support/poll.ts';
import { TcpProxy } from './support/tcp-proxy.ts';

let echo: Server;
let served: Socket[];
let heard: Buffer[];
let proxy: TcpProxy;
const clients: Socket[] = [];

/** A server that echoes what it receives, and remembers it. */
beforeEach(async () => {
  served = [];
  heard = [];
  echo = createServer((socket) => {
    served.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      heard.push(bytes);
      socket.write(bytes);
    });
  });
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  proxy = await TcpProxy.start({ targetPort: (echo.address() as AddressInfo).port, random: () => 0.5 });
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await proxy.stop();
  for (const socket of served) socket.destroy();
  echo.close();
});

interface Client {
  readonly socket: Socket;
  readonly text: () => string;
  /** The code of the error that ended it, or `end`. */
  readonly ended: Promise<string>;
}

async function dial(): Promise<Client> {
  const socket = connect({ port: proxy.port, host: '127.0.0.1' });
  clients.push(socket);
  let text = '';
  socket.on('data', (bytes) => {
    text += String(bytes);
  });
  const ended = new Promise<string>((resolve) => {
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    socket.once('end', () => resolve('end'));
  });
  await once(socket, 'connect');
  return { socket, text: () => text, ended };
}

const heardText = (): string => Buffer.concat(heard).toString();

/** Sends a line and waits for its echo; then everything sent before has arrived too. */
async function roundTrip({ socket, text }: Client, line: string): Promise<number> {
  const began = performance.now();
  socket.write(line);
  await until(`the echo of ${line}`, () => text().endsWith(line));
  return performance.now() - began;
}

it('passes bytes both ways, and the end of each', async () => {
  const client = await dial();
  await roundTrip(client, 'hello');
  client.socket.end();
  expect(await client.ended).toBe('end');
  await until('the proxy to let go', () => proxy.connections === 0);
});

it('delays what it passes by latency and jitter, in order', async () => {
  const client = await dial();
  proxy.set({ kind: 'latency', ms: 40, jitterMs: 20 });
  client.socket.write('a');
  client.socket.write('b');
  expect(await roundTrip(client, 'c')).toBeGreaterThanOrEqual(100);
  expect(heardText()).toBe('abc');
});

it('passes so many bytes a second', async () => {
  const client = await dial();
  proxy.set({ kind: 'slow', bytesPerSecond: 1_000 });
  // 100 bytes go there in slices of 50, and the last slice comes back.
  expect(await roundTrip(client, 'x'.repeat(100))).toBeGreaterThanOrEqual(140);
});

it('half open: holds back both directions with TCP open, and lets the bytes go in order', async () => {
  const client = await dial();
  await roundTrip(client, 'before');
  proxy.set({ kind: 'half-open' });
  client.socket.write(' held');
  served[0]?.write(' pushed');
  await until('the proxy to have read it', () => client.socket.bytesWritten === 11);
  const fresh = await dial();
  fresh.socket.write('new');
  await expect(
    until('anything', () => heardText() !== 'before' || client.text() !== 'before', 100),
  ).rejects.toThrow();
  expect(proxy.connections).toBe(2);
  proxy.set({ kind: 'pass' });
  await until('what was held', () => client.text().includes(' held') && client.text().includes(' pushed'));
  await until('the new one', () => fresh.text() === 'new');
});

it('black hole: new connections are accepted and get nothing, also later', async () => {
  proxy.set({ kind: 'blackhole' });
  const lost = await dial();
  lost.socket.write('hello?');
  proxy.set({ kind: 'pass' });
  const client = await dial();
  await roundTrip(client, 'hello');
  expect(lost.text()).toBe('');
  expect(heardText()).toBe('hello');
  lost.socket.destroy();
  await until('the proxy to notice that it left', () => proxy.connections === 1);
});

it('strand: open connections carry nothing any more; new ones work', async () => {
  const stranded = await dial();
  await roundTrip(stranded, 'before');
  proxy.strand();
  stranded.socket.write('after');
  const client = await dial();
  await roundTrip(client, 'hello');
  expect(heardText()).toBe('beforehello');
  expect(stranded.socket.destroyed).toBe(false);
  expect(proxy.connections).toBe(2);
});

it('redirect: new connections go to another port', async () => {
  const other = createServer((socket) => socket.end('the other one'));
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  const before = await dial();
  proxy.retarget((other.address() as AddressInfo).port);
  const client = await dial();
  await until('its greeting', () => client.text() === 'the other one');
  await roundTrip(before, 'still here');
  other.close();
});

it('drops the bytes of the server, and passes those of the client', async () => {
  const client = await dial();
  proxy.set({ kind: 'drop-replies' });
  client.socket.write('one ');
  await until('the server to hear it', () => heardText() === 'one ');
  // The echo must have reached the proxy before the next mode.
  await until('the echo to be sent', () => served[0]?.writableLength === 0 && served[0].bytesWritten === 4);
  await expect(until('anything', () => client.text() !== '', 50)).rejects.toThrow();
  proxy.set({ kind: 'pass' });
  await roundTrip(client, 'two');
  expect(client.text()).toBe('two');
});

it('resets open and new connections', async () => {
  const client = await dial();
  await roundTrip(client, 'hello');
  proxy.set({ kind: 'reset' });
  expect(await client.ended).toBe('ECONNRESET');
  const late = connect({ port: proxy.port, host: '127.0.0.1' });
  clients.push(late);
  const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException];
  expect(error.code).toBe('ECONNRESET');
  expect(proxy.connections).toBe(0);
});

it('cuts after so many bytes, also in the middle of a write', async () => {
  const client = await dial();
  proxy.set({ kind: 'cut-after', bytes: 7 });
  client.socket.write('0123');
  await until('the first', () => heardText() === '0123');
  client.socket.write('456789');
  expect(await client.ended).toBe('ECONNRESET');
  expect(heardText()).toMatch(/^0123(456)?$/);
});

it('closes every socket when it stops', async () => {
  const client = await dial();
  await roundTrip(client, 'hello');
  await proxy.stop();
  expect(await client.ended).toBe('ECONNRESET');
  expect(proxy.connections).toBe(0);
  await until('the server to be left', () => served[0]?.destroyed);
});
