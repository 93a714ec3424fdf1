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

it('a receiver has answered, also if its answer has more headers than Node reads by default', async () => {
  const url = await answering(`HTTP/1.1 204 No Content\r\nLink: ${'a'.repeat(50_000)}\r\n\r\n`);
  const idle = new AbortController();
  const sent = post({ url, headers: { 'content-length': '2' }, body: '{}', lookup }, idle.signal);
  await expect(sent).resolves.toMatchObject({ status: 204 });
});
