import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A TCP connection to an HTTP server, on which any bytes can be sent. */
export interface RawConnection {
  readonly socket: Socket;
  /** Writes these bytes as they are; a text as Latin-1. */
  readonly write: (bytes: string | Uint8Array) => void;
  /** What has been answered so far, as Latin-1. */
  readonly answered: () => string;
  /** Resolves when the other side has closed the connection. */
  readonly closed: Promise<void>;
}

/** Opens a connection without an HTTP client. The caller must call `socket.destroy()`. */
export async function connectRaw(url: string): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  // A reset counts as an end.
  socket.on('error', () => undefined);
  const closed = once(socket, 'close').then(() => undefined);
  await once(socket, 'connect');
  return {
    socket,
    write: (bytes) => void socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes),
    answered: () => text,
    closed,
  };
}

/** Sends all of this in one write, and gives the whole answer after the other side has closed the connection. */
export async function exchangeRaw(url: string, bytes: string): Promise<string> {
  const connection = await connectRaw(url);
  connection.write(bytes);
  await connection.closed;
  return connection.answered();
}

/** Submits a job with these lines in its head, byte for byte, and gives the whole answer. */
export async function submitRaw(url: string, apiKey: string, ...lines: readonly string[]): Promise<string> {
  const body = '{"operation":"echo","input":1}';
  const head = [
    'POST /v1/jobs HTTP/1.1',
    `Host: ${new URL(url).host}`,
    `Authorization: Bearer ${apiKey}`,
    'Content-Type: application/json',
    'Connection: close',
    `Content-Length: ${body.length}`,
    ...lines,
  ];
  return await exchangeRaw(url, `${head.join('\r\n')}\r\n\r\n${body}`);
}
