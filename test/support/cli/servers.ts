import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { type Collector, startCollector } from '../../../dev/collector/start.ts';
import { findFreePort } from '../../../dev/machine/free-port.ts';
import type { Schedule } from '../../../shared/api/answers/schedule.ts';
import type { Job } from '../../../shared/job/job.ts';
import { atEndOfFile, scratchFolder } from '../cleanup.ts';
import { makeCertificate } from '../nats/certificates.ts';

export const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
export const SPAN_ID = '00f067aa0ba902b7';
export const API_KEY = 'tl_test_secret0123456789012345';

/** A job as the API gives it when it is new. */
export const JOB: Job = {
  id: 'job-1',
  operation: 'echo',
  state: 'queued',
  attempt: 0,
  maxAttempts: 3,
  durability: 'stream',
  acceptedAt: '2026-01-01T00:00:00.000Z',
  traceId: TRACE_ID,
  links: { self: '/v1/jobs/job-1' },
};
/** The same job at its end. */
export const DONE: Job = {
  ...JOB,
  state: 'succeeded',
  attempt: 1,
  finishedAt: '2026-01-01T00:00:01.000Z',
  result: { hello: 'world' },
};

/** A schedule that has run twice. */
export const SCHEDULE: Schedule = {
  name: 'nightly',
  operation: 'echo',
  input: { of: 'yesterday' },
  cron: '30 2 * * *',
  timeZone: 'Europe/Berlin',
  catchUp: 'last',
  overlap: 'skip',
  paused: false,
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-02T00:00:00.000Z',
  nextRuns: ['2026-01-04T01:30:00.000Z'],
  lastRuns: [
    { scheduledFor: '2026-01-03T01:30:00.000Z', outcome: 'submitted', jobId: 'job-1' },
    { scheduledFor: '2026-01-02T01:30:00.000Z', outcome: 'skipped', reason: 'missed', count: 3 },
  ],
  links: { self: '/v1/schedules/nightly' },
};

/** A request as a server got it. */
export interface Seen {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** An answer of a server; a text is sent as HTML, anything else as JSON. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}

/** A server that the command line talks to: an API, a trace store or a collector. */
export interface TestServer {
  readonly url: string;
  readonly seen: Seen[];
}

export const answer = (status: number, body: unknown, headers: Record<string, string> = {}): Answer => ({
  status,
  body,
  headers,
});

/** Starts a server that remembers its requests. `reply` may also answer by itself, and give undefined. */
export async function serve(
  reply: (request: Seen, response: ServerResponse) => Answer | undefined | Promise<Answer | undefined>,
): Promise<TestServer> {
  const seen: Seen[] = [];
  const server = createServer(async (incoming, response) => {
    const { method, url: path, headers } = incoming;
    const request = { method, path, headers, body: await buffer(incoming) };
    seen.push(request);
    const given = await reply(request, response);
    if (given === undefined) return;
    const isText = typeof given.body === 'string';
    response
      .writeHead(given.status, {
        'content-type': isText ? 'text/html' : 'application/json',
        ...given.headers,
      })
      .end(isText ? given.body : JSON.stringify(given.body));
  });
  const url = await listen(server);
  atEndOfFile(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url, seen };
}

/** Starts a server that speaks TLS, with a certificate that nobody trusts. @returns its address with `http:` */
export async function serveTls(): Promise<string> {
  const files = await makeCertificate(await scratchFolder());
  const [cert, key] = await Promise.all([readFile(files.certificate), readFile(files.key)]);
  const server = createTlsServer({ cert, key }, (_, response) => response.end());
  atEndOfFile(() => server.close());
  return await listen(server);
}

/** Starts a server that speaks first, as those of many other protocols do. @returns its address */
export async function serveGreeting(): Promise<string> {
  const server = createTcpServer((socket) => {
    socket.on('error', () => undefined);
    socket.end('SSH-2.0-OpenSSH_9.9\r\n');
  });
  atEndOfFile(() => server.close());
  return await listen(server);
}

async function listen(server: TcpServer): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A real collector. */
export async function collect(): Promise<Collector> {
  const collector = await startCollector();
  atEndOfFile(() => collector.close());
  return collector;
}

/** An address where nothing listens. */
export async function nowhere(): Promise<string> {
  return `http://127.0.0.1:${await findFreePort()}`;
}
