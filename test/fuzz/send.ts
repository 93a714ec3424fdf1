import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import type { Answer } from '../support/http/contract.ts';
import type { FuzzRequest } from './requests.ts';

/** How much of an event stream is read, since it does not end before its job; other tests check its events. */
const STREAM_MS = 200;

/** Sends requests as they are; `fetch` would normalize paths and headers. */
export class Sender {
  readonly #origin: URL;
  readonly #agent: Agent;

  /** @param connections how many are open at the same time */
  constructor(origin: string, connections: number) {
    this.#origin = new URL(origin);
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  /** @throws Error when nothing comes within `limitMs`, or the connection breaks */
  async send({ method, url, headers, body }: FuzzRequest, limitMs: number): Promise<Answer> {
    const { hostname, port } = this.#origin;
    const length = body === undefined ? {} : { 'content-length': String(body.length) };
    const outgoing = request({
      hostname,
      port,
      method,
      path: url,
      agent: this.#agent,
      headers: { ...headers, ...length },
      signal: AbortSignal.timeout(limitMs),
    });
    outgoing.end(body);
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    const isStream = incoming.headers['content-type']?.startsWith('text/event-stream') === true;
    if (isStream) {
      setTimeout(() => incoming.destroy(), STREAM_MS);
      incoming.on('error', () => undefined).resume();
    }
    const text = isStream ? undefined : await textOf(incoming);
    return { status: incoming.statusCode ?? 0, headers: headersOf(incoming), body: text };
  }

  close(): void {
    this.#agent.destroy();
  }
}

async function textOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

function headersOf({ headersDistinct }: IncomingMessage): Headers {
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(headersDistinct)) {
    for (const value of values) headers.append(name, value);
  }
  return headers;
}
