import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { atEndOfFile } from '../../support/cleanup.ts';

/** The headers of a message, as they stand on the wire. */
export type MessageHeaders = readonly (readonly [name: string, value: string])[];

/** Changes the headers of a message that has any. */
type Change = (headers: MessageHeaders, subject: string) => MessageHeaders;

/** A proxy between a client of NATS and its server, for the protocol in plain text. */
export interface NatsProxy {
  readonly url: string;
  /** What happens from now on to each message that the server sends; undefined: nothing. */
  change: Change | undefined;
  /** The same for each message that the client publishes. */
  changePublished: Change | undefined;
}

/** Starts a proxy before a nats-server. It ends with the test file. */
export async function startNatsProxy(natsUrl: string): Promise<NatsProxy> {
  const { hostname, port } = new URL(natsUrl);
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    const sent = new Messages((headers, subject) => proxy.change?.(headers, subject) ?? headers);
    const published = new Messages(
      (headers, subject) => proxy.changePublished?.(headers, subject) ?? headers,
    );
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (chunk: Buffer) => upstream.write(published.changed(chunk)));
    upstream.on('data', (chunk: Buffer) => client.write(sent.changed(chunk)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atEndOfFile(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const proxy: NatsProxy = {
    url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}`,
    change: undefined,
    changePublished: undefined,
  };
  return proxy;
}

const LINE_END = '\r\n';

/** What goes in one direction, with the headers of its messages changed. */
class Messages {
  readonly #change: Change;
  #rest: Buffer = Buffer.alloc(0);

  constructor(change: Change) {
    this.#change = change;
  }

  /** @returns the operations that are complete with this chunk */
  changed(chunk: Buffer): Buffer {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const out: Buffer[] = [];
    for (let next = this.#next(); next !== undefined; next = this.#next()) out.push(next);
    return Buffer.concat(out);
  }

  #next(): Buffer | undefined {
    const end = this.#rest.indexOf(LINE_END);
    if (end < 0) return undefined;
    const line = this.#rest.subarray(0, end).toString('latin1');
    const size = /^H?(?:MSG|PUB) .* (\d+)$/i.exec(line)?.[1];
    const bodyEnd = end + 2 + (size === undefined ? 0 : Number(size) + 2);
    if (this.#rest.length < bodyEnd) return undefined;
    const body = this.#rest.subarray(end + 2, bodyEnd);
    this.#rest = this.#rest.subarray(bodyEnd);
    if (!/^H(?:MSG|PUB) /i.test(line)) return Buffer.concat([Buffer.from(line + LINE_END, 'latin1'), body]);
    return this.#message(line.split(' '), body);
  }

  /**
   * @param words `HMSG <subject> <sid> [reply] <bytes of headers> <bytes in all>`, or `HPUB <subject> [reply] <bytes of headers>
   *   <bytes in all>`
   */
  #message(words: string[], body: Buffer): Buffer {
    const headerBytes = Number(words.at(-2));
    const [status = '', ...lines] = body
      .subarray(0, headerBytes)
      .toString('latin1')
      .trimEnd()
      .split(LINE_END);
    const headers = lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    });
    const changed = this.#change(headers, words[1] ?? '').map(([name, value]) => `${name}: ${value}`);
    const block = Buffer.from([status, ...changed, '', ''].join(LINE_END), 'latin1');
    const data = body.subarray(headerBytes);
    const sizes = [block.length, block.length + data.length - 2];
    const line = [...words.slice(0, -2), ...sizes].join(' ') + LINE_END;
    return Buffer.concat([Buffer.from(line, 'latin1'), block, data]);
  }
}
