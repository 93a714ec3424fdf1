import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type RequestListener,
  type Server,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { runOperation } from '../../../../../worker-node/jobs/attempt/run-operation.ts';
import { httpRequest } from '../../../../../worker-node/operations/built-in/http-request.ts';
import { OpenAddresses } from '../../../../../worker-node/operations/targets/addresses.ts';
import { AllowList } from '../../../../../worker-node/operations/targets/allow-list.ts';
import { guardedLookup } from '../../../../../worker-node/operations/targets/guarded-lookup.ts';
import { attempt, runOptions } from '../../support.ts';

export interface Target {
  readonly origin: string;
  readonly port: number;
  /** Requests that arrived. */
  readonly hits: {
    readonly method: string;
    readonly path: string;
    readonly headers: IncomingHttpHeaders;
    readonly body: string;
  }[];
}

const servers: Server[] = [];

/** A real server that records the requests, reads their bodies by default, and answers with `answer`. */
export async function target(answer: RequestListener, { readsFirst = true } = {}): Promise<Target> {
  const hits: Target['hits'] = [];
  const server = createServer(async (request, response) => {
    const { method = '', url: path = '', headers } = request;
    const body = readsFirst ? await text(request).catch(() => undefined) : '';
    // Undefined: the request broke off.
    if (body === undefined) return;
    hits.push({ method, path, headers, body });
    answer(request, response);
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, port, hits };
}

export const answering = (
  status: number,
  body: string | Uint8Array = 'ok',
  headers: OutgoingHttpHeaders = {},
): RequestListener =>
  function answer(_request, response) {
    response.writeHead(status, headers).end(body);
  };

/** How the operator set the worker up; by default names lead to public addresses and to loopback. */
interface Setup {
  readonly timeoutMs?: number;
  /** The value of `TARGET_ADDRESSES_ALLOW`. */
  readonly open?: string;
  /** The origins that get baggage; by default those that are allowed. */
  readonly baggage?: string;
}

/** Runs `http.request` as the worker does. */
export function run(allow: string, input: Record<string, unknown>, setup: Setup = {}) {
  const { timeoutMs = 10_000, open = '127.0.0.1', baggage = allow } = setup;
  const operation = httpRequest({
    allow: new AllowList(allow),
    lookup: lookupOf(open),
    baggageAllow: new AllowList(baggage),
  });
  return runOperation(operation, attempt({ input, timeoutMs }), runOptions());
}

/** The lookup function of a worker that opens these addresses. */
export function lookupOf(open: string) {
  const addresses = new OpenAddresses(open);
  return guardedLookup((address) => addresses.has(address), 'TARGET_ADDRESSES_ALLOW');
}

/** Stops all targets. Nobody listens at their addresses any more. */
export async function stopTargets(): Promise<void> {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
