import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { describeThrown } from '../../../shared/errors.ts';
import { CliError } from '../../cli-error.ts';

/** Where the callback of a canary goes. */
interface ReceiverAddress {
  /** As the worker reaches it. */
  readonly url: string;
  /** Where this program listens; undefined: the port of the URL. */
  readonly port: number | undefined;
}

/**
 * Takes the callbacks of canaries. It listens on all addresses of this machine, and each canary has a path that nobody can
 * guess.
 */
export class CallbackReceiver {
  readonly #base: string;
  readonly #server = createServer((request, response) => {
    // The body is thrown away: what counts are the headers.
    request.resume();
    const waiting = this.#waiting.get(request.url ?? '');
    waiting?.resolve(request.headers);
    response.writeHead(waiting === undefined ? 404 : 204).end();
  });
  readonly #waiting = new Map<string, PromiseWithResolvers<IncomingHttpHeaders>>();

  private constructor(url: string) {
    this.#base = url;
  }

  /** @throws CliError `usage-invalid` when the port is taken */
  static async open({ url, port }: ReceiverAddress): Promise<CallbackReceiver> {
    const receiver = new CallbackReceiver(url);
    const own = port ?? portOf(url);
    receiver.#server.listen(own);
    await once(receiver.#server, 'listening').catch((cause: unknown) => {
      const message = `no callback can be received on port ${own}: ${describeThrown(cause)}`;
      throw new CliError('usage-invalid', message, { hint: '--callback-port chooses another port', cause });
    });
    return receiver;
  }

  /** A new address, and the headers of the callback that comes there. */
  expect(): { readonly url: string; readonly headers: Promise<IncomingHttpHeaders> } {
    const url = new URL(this.#base);
    url.pathname = `${url.pathname.replace(/\/+$/, '')}/${randomBytes(16).toString('hex')}`;
    const waiting = Promise.withResolvers<IncomingHttpHeaders>();
    this.#waiting.set(`${url.pathname}${url.search}`, waiting);
    return { url: url.href, headers: waiting.promise };
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function portOf(url: string): number {
  const { port, protocol } = new URL(url);
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}
