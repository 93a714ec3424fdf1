/** The service that the W3C's suite calls. It makes a job of each request. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { exchangeRaw } from '../support/http/raw-http.ts';
import type { TestStack } from '../support/stack.ts';

/**
 * Starts a server that submits the body of each request as the input of an operation, and answers after the job has ended. The
 * lines of the trace headers reach the edge byte for byte. For this reason neither side is an HTTP library: those strip white
 * space, and join repeated lines.
 * @returns its URL. It ends with the test.
 */
export async function startAdapter(stack: TestStack, operation: string): Promise<string> {
  const server = createServer((socket) => {
    // The suite closes a connection whose answer it has.
    socket.on('error', () => undefined);
    void serve(socket, stack, operation).finally(() => socket.end());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

async function serve(socket: Socket, stack: TestStack, operation: string): Promise<void> {
  const { lines, body } = await readRequest(socket);
  const answer = await submit(
    stack,
    lines.filter(isTraceLine),
    `{"operation":"${operation}","input":${body}}`,
  );
  const isDone = answer.startsWith('HTTP/1.1 200 ') && answer.includes('"state":"succeeded"');
  const content = isDone ? '{}' : JSON.stringify({ answer });
  const head = [
    isDone ? 'HTTP/1.1 200 OK' : 'HTTP/1.1 502 Bad Gateway',
    'Content-Type: application/json',
    'Connection: close',
    `Content-Length: ${Buffer.byteLength(content)}`,
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${content}`);
}

/** Also a line with a wrong name, such as `trace-parent`. */
function isTraceLine(line: string): boolean {
  return /^trace/i.test(line);
}

/** Reads one request: the lines of its head, and its body, as Latin-1. */
async function readRequest(
  socket: Socket,
): Promise<{ readonly lines: readonly string[]; readonly body: string }> {
  let text = '';
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += (chunk as Buffer).toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    const length = Number(/^content-length:\s*(\d+)/im.exec(text)?.[1] ?? 0);
    if (end === -1 || text.length < end + 4 + length) continue;
    return { lines: text.slice(0, end).split('\r\n'), body: text.slice(end + 4) };
  }
  throw new Error(`the connection ended in the middle of a request: ${text}`);
}

async function submit(
  { url, apiKey }: TestStack,
  traceLines: readonly string[],
  body: string,
): Promise<string> {
  const head = [
    'POST /v1/jobs HTTP/1.1',
    `Host: ${new URL(url).host}`,
    `Authorization: Bearer ${apiKey}`,
    'Content-Type: application/json',
    'Prefer: wait=20',
    'Connection: close',
    `Content-Length: ${body.length}`,
    ...traceLines,
  ];
  return await exchangeRaw(url, `${head.join('\r\n')}\r\n\r\n${body}`);
}
