/** The program of `otlp-sink.ts`. It tells its parent where it listens, and ends when the parent has ended. */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Each span has this field once. */
const MARK = '"startTimeUnixNano"';
const got = { requests: 0, bytes: 0, spans: 0 };

const server = createServer((request, response) => {
  const answer = (body: unknown): void =>
    void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  if (request.method === 'GET') answer(got);
  // A sender that is stopped cuts its connection.
  else
    take(request).then(
      () => answer({}),
      () => undefined,
    );
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.send?.({ url: `http://127.0.0.1:${port}` });
});
process.on('disconnect', () => process.exit(0));

async function take(request: IncomingMessage): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  got.requests++;
  got.bytes += body.length;
  for (let at = body.indexOf(MARK); at !== -1; at = body.indexOf(MARK, at + 1)) got.spans++;
}
