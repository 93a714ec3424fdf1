import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An HTTP server that operations call, and that takes the spans of the program under test. */
export class HttpTarget {
  readonly #headers = new Map<string, IncomingHttpHeaders>();
  readonly #server = createServer((request, response) => {
    request.resume();
    const path = request.url ?? '';
    if (request.method === 'GET') this.#headers.set(path, request.headers);
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  });

  static async open(): Promise<HttpTarget> {
    const target = new HttpTarget();
    target.#server.listen(0, '127.0.0.1');
    await once(target.#server, 'listening');
    return target;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The headers of the last GET of a path. */
  headersOf(path: string): IncomingHttpHeaders | undefined {
    return this.#headers.get(path);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
