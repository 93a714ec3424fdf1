import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, it, onTestFinished, vi } from 'vitest';
import { answerTo, http } from '../../../worker-node/node-http.ts';

/** More than the buffers of both sides hold. */
const LARGE = Buffer.alloc(32 * 1024 * 1024);

/** A server that reads no more than the beginning of a request, answers it, and leaves the connection open. */
async function hasty(answer: string): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined).once('data', () => socket.pause().write(answer));
    onTestFinished(() => void socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** The sockets that this process opens from now on. */
function opened(): Socket[] {
  const sockets: Socket[] = [];
  const add = (message: unknown): void => void sockets.push((message as { socket: Socket }).socket);
  subscribe('net.client.socket', add);
  onTestFinished(() => void unsubscribe('net.client.socket', add));
  return sockets;
}

it.each(['keep-alive', 'close'])(
  'a request whose body the server leaves unread is over with the answer: Connection: %s',
  async (connection) => {
    const port = await hasty(
      `HTTP/1.1 413 Content Too Large\r\nConnection: ${connection}\r\nContent-Length: 3\r\n\r\nbig`,
    );
    const sockets = opened();
    const response = await answerTo(http.request({ port, host: '127.0.0.1', method: 'POST' }), LARGE);
    expect(response.statusCode).toBe(413);
    expect(String(Buffer.concat(await response.toArray()))).toBe('big');
    await vi.waitFor(() => expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true]), 5_000);
  },
);
