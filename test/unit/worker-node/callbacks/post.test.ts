import { lookup } from 'node:dns';
import { createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { post } from '../../../../worker-node/callbacks/post.ts';

/** A server that sends these bytes to everybody who sends something, and leaves the connection open. */
async function answering(text: string): Promise<URL> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined).once('data', () => socket.write(text));
    onTestFinished(() => void socket.destroy());
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return new URL(`http://127.0.0.1:${address.port}/`);
}

it.each(['h2c', 'websocket'])(
  'a receiver that switches to %s did not answer, and does not hold the callback for ever',
  async (protocol) => {
    const url = await answering(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: ${protocol}\r\n\r\n`,
    );
    const idle = new AbortController();
    const sent = post({ url, headers: { 'content-length': '2' }, body: '{}', lookup }, idle.signal);
    await expect(sent).rejects.toThrow('the connection was closed without an answer');
  },
);

it.each([
  [
    'has more headers than Node reads by default',
    `HTTP/1.1 204 No Content\r\nLink: ${'a'.repeat(50_000)}\r\n\r\n`,
  ],
  ['ends its lines as a script does', 'HTTP/1.1 204 No Content\nServer: old\n\n'],
  ['folds a header', 'HTTP/1.1 204 No Content\r\nServer: old\r\n and long\r\n\r\n'],
  [
    'says its length twice',
    'HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  ['has a control character in a header', 'HTTP/1.1 204 No Content\r\nServer: \u0001\r\n\r\n'],
])('a receiver has answered, also if its answer %s', async (_what, answer) => {
  const url = await answering(answer);
  const idle = new AbortController();
  const sent = post({ url, headers: { 'content-length': '2' }, body: '{}', lookup }, idle.signal);
  await expect(sent).resolves.toMatchObject({ status: 204 });
});
