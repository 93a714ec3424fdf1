import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { startTrace } from '../../../../../shared/propagation/index.ts';
import { runOperation } from '../../../../../worker-node/jobs/run-operation.ts';
import { sendRequest } from '../../../../../worker-node/operations/built-in/http-exchange.ts';
import { httpRequest } from '../../../../../worker-node/operations/built-in/http-request.ts';
import { AllowList } from '../../../../../worker-node/operations/targets/allow-list.ts';
import { attempt, runOptions } from '../../support.ts';

/** The addresses of names in these tests. Other names are really looked up. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  'good.test': ['127.0.0.1'],
  'metadata.test': ['169.254.169.254'],
  'rebound.test': ['127.0.0.1', '169.254.169.254'],
};

vi.mock('node:dns', async (importOriginal) => {
  const dns = await importOriginal<typeof import('node:dns')>();
  const lookup = vi.fn((name: string, options: object, callback: (error: null, found: object[]) => void) => {
    const found = NAMES[name];
    if (found === undefined) return dns.lookup(name, options, callback as never);
    callback(
      null,
      found.map((address) => ({ address, family: 4 })),
    );
  });
  return { ...dns, lookup };
});

interface Target {
  readonly origin: string;
  readonly port: number;
  /** Requests that arrived. */
  readonly hits: { readonly method: string; readonly headers: IncomingHttpHeaders; readonly body: string }[];
}

const servers: Server[] = [];

/** A real server that records the requests, reads their bodies by default, and answers with `answer`. */
async function target(answer: RequestListener, { readsFirst = true } = {}): Promise<Target> {
  const hits: Target['hits'] = [];
  const server = createServer(async (request, response) => {
    const { method = '', headers } = request;
    const body = readsFirst ? await text(request).catch(() => undefined) : '';
    // Undefined: the request broke off.
    if (body === undefined) return;
    hits.push({ method, headers, body });
    answer(request, response);
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, port, hits };
}

const answering = (status: number, body = 'ok', headers: Record<string, string> = {}): RequestListener =>
  function answer(_request, response) {
    response.writeHead(status, headers).end(body);
  };

/** Sends an answer without an end, as fast as the client reads. */
const endless: RequestListener = (_request, response) => {
  const chunk = Buffer.alloc(64 * 1024, 0x2e);
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', more);
  more();
};

/** Runs `http.request` as the worker does. */
function run(allow: string, input: Record<string, unknown>, timeoutMs = 10_000) {
  return runOperation(httpRequest(new AllowList(allow)), attempt({ input, timeoutMs }), runOptions());
}

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

describe('http.request', () => {
  it('calls an allowed target, and returns status, headers and body', async () => {
    const { origin, hits } = await target(answering(201, 'grüße', { 'x-own': 'a' }));
    const outcome = await run(origin, {
      url: `${origin}/path?q=1`,
      method: 'POST',
      headers: { 'X-Key': 'k' },
      body: { width: 7 },
    });
    expect(outcome).toMatchObject({
      kind: 'done',
      result: { status: 201, headers: { 'x-own': 'a' }, body: 'grüße' },
    });
    expect(hits).toHaveLength(1);
    expect(hits[0]).toMatchObject({ method: 'POST', body: '{"width":7}' });
    expect(hits[0]?.headers).toMatchObject({ 'x-key': 'k', 'content-type': 'application/json' });
  });

  it('sends a text as it is, without a content type', async () => {
    const { origin, hits } = await target(answering(200));
    await run(origin, { url: origin, method: 'PUT', body: 'grüße' });
    expect(hits[0]).toMatchObject({ method: 'PUT', body: 'grüße' });
    expect(hits[0]?.headers).not.toHaveProperty('content-type');
  });

  it('carries the trace context of the job', async () => {
    const { origin, hits } = await target(answering(200));
    const started = startTrace();
    await context.with(started, () => run(origin, { url: origin }));
    const span = trace.getSpanContext(started);
    expect(hits[0]?.headers.traceparent).toBe(`00-${span?.traceId}-${span?.spanId}-02`);
  });

  it.each(['tracestate', 'Tracestate', 'baggage', 'Traceparent'])(
    'writes no %s of the job’s own beside it: one module alone speaks for the trace',
    async (name) => {
      const { origin, hits } = await target(answering(200));
      await context.with(startTrace(), () => run(origin, { url: origin, headers: { [name]: 'forged=1' } }));
      for (const { headers } of hits) expect(headers[name.toLowerCase()]).not.toBe('forged=1');
    },
  );

  it('connects to the address that was checked', async () => {
    const { port, hits } = await target(answering(200));
    const origin = `http://good.test:${port}`;
    expect(await run(origin, { url: origin })).toMatchObject({ kind: 'done' });
    expect(hits[0]?.headers.host).toBe(`good.test:${port}`);
  });
});

describe('http.request does not reach', () => {
  it('anything by default', async () => {
    const { origin, hits } = await target(answering(200));
    expect(await run('', { url: origin })).toMatchObject({ kind: 'reject', code: 'target-refused' });
    expect(hits).toEqual([]);
  });

  it.each<[string, (port: number) => string]>([
    ['loopback, short', (port) => `http://127.1:${port}/`],
    ['loopback, hexadecimal', (port) => `http://0x7f000001:${port}/`],
    ['loopback, decimal', (port) => `http://2130706433:${port}/`],
    ['loopback inside IPv6', (port) => `http://[::ffff:127.0.0.1]:${port}/`],
    ['localhost', (port) => `http://localhost:${port}/`],
    ['this host', (port) => `http://0.0.0.0:${port}/`],
    ['a user in front of it', (port) => `http://billing.internal@127.0.0.1:${port}/`],
    ['IPv6 loopback', () => 'http://[::1]/'],
    ['cloud metadata', () => 'http://169.254.169.254/latest/meta-data/'],
    ['a file', () => 'file:///etc/passwd'],
    ['gopher', (port) => `gopher://127.0.0.1:${port}/_x`],
    ['no URL', () => 'not a url'],
    ['half a URL', () => '//127.0.0.1/'],
  ])('what is not on the list: %s', async (_what, url) => {
    const { port, hits } = await target(answering(200));
    const outcome = await run('http://billing.internal:8080', { url: url(port) });
    expect(outcome.kind).toBe('reject');
    expect(outcome).toHaveProperty('code', expect.stringMatching(/^(?:target-refused|input-invalid)$/));
    expect(hits).toEqual([]);
  });

  it.each(['metadata.test', 'rebound.test'])(
    'a listed name that leads to a refused address, even among others: %s',
    async (name) => {
      const { port, hits } = await target(answering(200));
      const origin = `http://${name}:${port}`;
      const outcome = await run(origin, { url: origin });
      expect(outcome).toMatchObject({ kind: 'reject', code: 'target-refused' });
      expect(hits).toEqual([]);
    },
  );

  it('another host than the one that was checked, whatever headers the job brings', async () => {
    const { origin, port, hits } = await target(answering(200));
    await run(origin, { url: origin, headers: { Host: 'admin.internal' } });
    for (const { headers } of hits) expect(headers.host).toBe(`127.0.0.1:${port}`);
  });

  it.each(['Content-Length', 'Transfer-Encoding', 'Connection', 'Upgrade', 'Expect', 'TE', 'Trailer'])(
    'anything with a %s of the job’s own, which would speak for the connection',
    async (name) => {
      const { origin, hits } = await target(answering(200));
      await run(origin, { url: origin, headers: { [name]: '7' } }, 200);
      for (const { headers } of hits) expect(headers[name.toLowerCase()]).not.toBe('7');
    },
  );

  it('the next job’s request, with a content length that is too large', async () => {
    // The connection stays open, so a body that is missing in the first request would be read from the second.
    const { origin, hits } = await target(answering(200), { readsFirst: false });
    await run(origin, { url: origin, headers: { 'Content-Length': '100000' } }, 5_000);
    const next = await run(origin, { url: origin, headers: { 'X-Own': 'next' } }, 5_000);
    expect(next).toMatchObject({ kind: 'done' });
    expect(hits.at(-1)?.headers).toHaveProperty('x-own', 'next');
  });

  it.each([
    ['a line break in a value', { 'X-Own': 'a\r\nX-Evil: 1' }],
    ['a line break in a name', { 'X-Own\r\nX-Evil': '1' }],
    ['a name with a colon', { 'X-Own:': '1' }],
    ['a value beyond ASCII', { 'X-Own': 'ü' }],
    ['an empty name', { '': '1' }],
  ])('anything with %s', async (_what, headers) => {
    const { origin, hits } = await target(answering(200));
    expect(await run(origin, { url: origin, headers })).toMatchObject({
      kind: 'reject',
      code: 'input-invalid',
    });
    expect(hits).toEqual([]);
  });
});

describe('a redirect', () => {
  it('is returned as it is by default', async () => {
    const other = await target(answering(200));
    const { origin } = await target(answering(302, '', { location: other.origin }));
    const outcome = await run(`${origin},${other.origin}`, { url: origin });
    expect(outcome).toMatchObject({ kind: 'done', result: { status: 302 } });
    expect(other.hits).toEqual([]);
  });

  it('to a target that is not allowed is not followed', async () => {
    const other = await target(answering(200));
    const { origin, hits } = await target(answering(302, '', { location: `${other.origin}/secret` }));
    const outcome = await run(origin, { url: origin, maxRedirects: 5 });
    expect(outcome).toMatchObject({ kind: 'reject', code: 'target-refused' });
    expect(hits).toHaveLength(1);
    expect(other.hits).toEqual([]);
  });

  it.each(['file:///etc/passwd', '//169.254.169.254/', 'http://127.1:1/', 'gopher://127.0.0.1/'])(
    'to %s is not followed',
    async (location) => {
      const { origin } = await target(answering(307, '', { location }));
      const outcome = await run(origin, { url: origin, maxRedirects: 5 });
      expect(outcome).toMatchObject({ kind: 'reject', code: 'target-refused' });
    },
  );

  it('drops the credentials, and turns a POST into a GET', async () => {
    const other = await target(answering(200));
    const { origin } = await target(answering(303, '', { location: other.origin }));
    const headers = { Authorization: 'Bearer secret', cookie: 'secret', 'X-Own': 'a' };
    await run(`${origin},${other.origin}`, {
      url: origin,
      method: 'POST',
      headers,
      body: 'secret',
      maxRedirects: 1,
    });
    expect(other.hits).toHaveLength(1);
    expect(other.hits[0]).toMatchObject({ method: 'GET', body: '' });
    expect(JSON.stringify(other.hits)).not.toContain('secret');
    expect(other.hits[0]?.headers).toMatchObject({ 'x-own': 'a' });
  });

  it('keeps method and body if its status says that', async () => {
    const other = await target(answering(200));
    const { origin } = await target(answering(308, '', { location: other.origin }));
    await run(`${origin},${other.origin}`, { url: origin, method: 'POST', body: 'b', maxRedirects: 1 });
    expect(other.hits[0]).toMatchObject({ method: 'POST', body: 'b' });
  });

  it('in a circle ends', async () => {
    const { origin, hits } = await target(answering(302, '', { location: '/' }));
    const outcome = await run(origin, { url: origin, maxRedirects: 3 });
    expect(outcome).toMatchObject({ kind: 'reject', code: 'operation-rejected' });
    expect(hits).toHaveLength(4);
  });
});

describe('an answer', () => {
  it('without an end is cut off at the size limit', async () => {
    const closed = Promise.withResolvers<void>();
    const { origin } = await target((request, response) => {
      response.on('close', closed.resolve);
      endless(request, response);
    });
    const outcome = await run(origin, { url: origin });
    expect(outcome).toMatchObject({ kind: 'reject', code: 'operation-rejected' });
    await closed.promise;
  });

  it('that stops half-way is cut off at the time limit, and may be tried again', async () => {
    const closed = Promise.withResolvers<void>();
    const { origin } = await target((_request, response) => {
      response.on('close', closed.resolve);
      response.write('half');
    });
    expect(await run(origin, { url: origin }, 50)).toMatchObject({
      kind: 'retry',
      code: 'operation-timeout',
    });
    await closed.promise;
  });

  it('that never begins is cut off when the signal aborts', async () => {
    const stop = new AbortController();
    const { origin } = await target(() => stop.abort(new Error('enough')));
    const answer = sendRequest(new URL(origin), { method: 'GET', headers: {} }, stop.signal);
    await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('that breaks off is tried again', async () => {
    const { origin } = await target((_request, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('half', () => response.destroy());
    });
    expect(await run(origin, { url: origin })).toMatchObject({ kind: 'retry' });
  });

  it('that never comes, since nobody listens, is tried again', async () => {
    const { origin } = await target(answering(200));
    const [server] = servers.splice(0);
    await new Promise((resolve) => server?.close(resolve));
    const outcome = await run(origin, { url: origin });
    expect(outcome).toMatchObject({
      ...{ kind: 'retry', code: 'operation-failed', message: 'the target cannot be reached' },
      report: { summary: expect.stringContaining('ECONNREFUSED 127.0.0.1') },
    });
  });

  it('tells the same to the caller if the name of the target does not exist', async () => {
    expect(await run('http://no-such-name.invalid', { url: 'http://no-such-name.invalid/' })).toMatchObject({
      kind: 'retry',
      message: 'the target cannot be reached',
    });
  });

  it.each([408, 425, 429, 500, 502, 503, 504])('of %i is tried again', async (status) => {
    const { origin } = await target(answering(status));
    expect(await run(origin, { url: origin })).toMatchObject({
      kind: 'retry',
      message: `the target answered ${status}`,
    });
  });

  it.each([204, 400, 401, 403, 404, 409, 422, 501])('of %i is the result', async (status) => {
    const { origin } = await target(answering(status, ''));
    expect(await run(origin, { url: origin })).toMatchObject({ kind: 'done', result: { status } });
  });

  it('says when the request is sent again', async () => {
    const { origin } = await target(answering(503, '', { 'retry-after': '7' }));
    expect(await run(origin, { url: origin })).toMatchObject({ kind: 'retry-after', delayMs: 7_000 });
  });

  it.each(['0', '-1', '999999', 'NaN', 'Wed, 21 Oct 2026 07:28:00 GMT'])(
    'that says to come again at %j is tried again with back-off',
    async (value) => {
      const { origin } = await target(answering(503, '', { 'retry-after': value }));
      expect(await run(origin, { url: origin })).toMatchObject({ kind: 'retry' });
    },
  );
});
