import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ThroughlineError } from '../shared/errors.ts';
import { http } from './node-http.ts';

interface HealthProbes {
  /** Why the worker takes no jobs now; undefined when it does. */
  readonly notReady: () => string | undefined;
  /** What is wrong although the worker takes jobs. */
  readonly warnings: () => readonly string[];
  readonly metrics: (response: ServerResponse) => void;
}

/** `/healthz`, `/readyz` and `/metrics` of a worker. */
export class HealthServer {
  readonly #server: Server;
  readonly #probes: HealthProbes;
  #isDraining = false;

  constructor(probes: HealthProbes) {
    this.#probes = probes;
    this.#server = http.createServer((request, response) => this.#answer(request, response));
  }

  /** @returns the port. @throws ThroughlineError `config-invalid` when the port is taken, or the address is no own one */
  async listen(host: string, port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause) =>
        reject(
          new ThroughlineError(
            'config-invalid',
            `HEALTH_PORT: cannot listen on ${host}:${port}: ${listenFault(cause)}`,
            { cause },
          ),
        ),
      );
      this.#server.listen(port, host, resolve);
    });
    return (this.#server.address() as AddressInfo).port;
  }

  /** From now on the worker counts as not ready: it stops. */
  drain(): void {
    this.#isDraining = true;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    // Not `new URL`, which throws on some paths that a client can send.
    const [pathname] = (request.url ?? '/').split('?');
    if (pathname === '/metrics') this.#probes.metrics(response);
    else if (pathname === '/readyz') this.#answerReadiness(response);
    else if (pathname === '/healthz') send(response, 200, { status: 'ok' });
    else send(response, 404, { status: 'unknown path' });
  }

  #answerReadiness(response: ServerResponse): void {
    const reason = this.#probes.notReady();
    const warnings = this.#probes.warnings();
    const more = warnings.length === 0 ? {} : { warnings };
    if (this.#isDraining) send(response, 503, { status: 'stopping', ...more });
    else if (reason === undefined) send(response, 200, { status: 'ready', ...more });
    else send(response, 503, { status: 'not ready', reason, ...more });
  }
}

/** What Node's codes say about a port that is not opened. */
const LISTEN_FAULTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program has this port',
  EADDRNOTAVAIL: 'HEALTH_HOST is not an address of this machine',
  ENOTFOUND: 'HEALTH_HOST is no known host',
  EAI_AGAIN: 'HEALTH_HOST cannot be looked up now',
  EACCES: 'this user may not open it',
};

function listenFault({ code = '', message }: NodeJS.ErrnoException): string {
  return LISTEN_FAULTS[code] ?? message;
}

function send(response: ServerResponse, status: number, body: Record<string, unknown>): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
}
