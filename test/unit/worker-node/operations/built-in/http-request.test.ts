import http from 'node:http';
import type { LookupFunction } from 'node:net';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { extract, fromRecord, startTrace } from '../../../../../shared/propagation/index.ts';
import { RequestHeaders } from '../../../../../worker-node/operations/built-in/request-headers.ts';
import { answering, run, stopTargets, target } from './targets.ts';

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

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});

afterEach(stopTargets);

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

  it.each([
    [{}, 'throughline'],
    [{ 'USER-agent': 'ours' }, 'ours'],
    [{ 'User-Agent': '' }, ''],
  ])('says who asks, unless the job says it: %j', async (headers, sent) => {
    const { origin, hits } = await target(answering(200));
    await run(origin, { url: origin, headers });
    expect(hits.map((hit) => hit.headers['user-agent'])).toEqual([sent]);
  });

  it('sends a text as it is, without a content type', async () => {
    const { origin, hits } = await target(answering(200));
    await run(origin, { url: origin, method: 'PUT', body: 'grüße' });
    expect(hits[0]).toMatchObject({ method: 'PUT', body: 'grüße' });
    expect(hits[0]?.headers).not.toHaveProperty('content-type');
  });

  it.each(['Content-Type', 'content-type', 'CONTENT-TYPE'])(
    'sends any other body as JSON, in the media type of the job: %s',
    async (name) => {
      const { origin, hits } = await target(answering(200));
      const headers = { [name]: 'application/vnd.x+json' };
      await run(origin, { url: origin, method: 'POST', headers, body: { a: 1 } });
      expect(hits[0]?.headers['content-type']).toBe('application/vnd.x+json');
    },
  );

  it.each([
    [null, ''],
    ['grüße', 'grüße'],
    [false, 'false'],
    [{ a: null }, '{"a":null}'],
  ])('sends the body %j as %j', async (body, sent) => {
    const { origin, hits } = await target(answering(200));
    await run(origin, { url: origin, method: 'POST', body });
    expect(hits.map((hit) => hit.body)).toEqual([sent]);
  });

  it('sends an empty value as it is', async () => {
    const { origin, hits } = await target(answering(200));
    await run(origin, {
      url: origin,
      method: 'POST',
      headers: { 'X-Own': '', 'Content-Type': '' },
      body: [],
    });
    expect(hits[0]?.headers).toMatchObject({ 'x-own': '', 'content-type': '' });
  });

  it('carries the trace context of the job', async () => {
    const { origin, hits } = await target(answering(200));
    const started = startTrace();
    await context.with(started, () => run(origin, { url: origin }));
    const span = trace.getSpanContext(started);
    expect(hits[0]?.headers.traceparent).toBe(`00-${span?.traceId}-${span?.spanId}-02`);
  });

  it.each([
    ['the origins that may have them', undefined, true],
    ['no other origin', 'http://other.internal', false],
  ])('carries tracestate and baggage to %s', async (_what, baggage, goesAlong) => {
    const { origin, hits } = await target(answering(200));
    const incoming = fromRecord({
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      tracestate: 'vendor=1',
      baggage: 'user=ann',
    });
    await context.with(extract(incoming).context, () =>
      run(origin, { url: origin }, { baggage: baggage ?? origin }),
    );
    const [hit] = hits;
    expect(hit?.headers.traceparent).toContain('4bf92f3577b34da6a3ce929d0e0e4736');
    const { tracestate, baggage: sent } = hit?.headers ?? {};
    const both = { tracestate: 'vendor=1', sent: 'user=ann' };
    expect({ tracestate, sent }).toEqual(goesAlong ? both : { tracestate: undefined, sent: undefined });
  });

  it('connects to the address that was checked', async () => {
    const { port, hits } = await target(answering(200));
    const origin = `http://good.test:${port}`;
    expect(await run(origin, { url: origin })).toMatchObject({ kind: 'done' });
    expect(hits[0]?.headers.host).toBe(`good.test:${port}`);
  });

  it.each(['good.test.', 'GOOD.test', 'ｇｏｏｄ.test'])(
    'knows a name however it is written: %s',
    async (name) => {
      const { port, hits } = await target(answering(200));
      expect(await run(`http://good.test:${port}`, { url: `http://${name}:${port}` })).toMatchObject({
        kind: 'done',
      });
      expect(hits[0]?.headers.host).toBe(`good.test:${port}`);
    },
  );
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
      expect(outcome).toMatchObject({ kind: 'retry', message: 'the target cannot be reached' });
      expect(hits).toEqual([]);
    },
  );

  it('loopback by a name, unless the operator opens that', async () => {
    const { port, hits } = await target(answering(200));
    const origin = `http://good.test:${port}`;
    expect(await run(origin, { url: origin }, { open: '10.0.0.0/8' })).toMatchObject({ kind: 'retry' });
    expect(hits).toEqual([]);
  });

  it('a name over a connection whose address was not checked', async () => {
    const { port, hits } = await target(answering(200));
    const origin = `http://good.test:${port}`;
    const { lookup } = await import('node:dns');
    await new Promise((resolve) => {
      http.get(origin, { lookup: lookup as LookupFunction }, (answer) => answer.resume().on('end', resolve));
    });
    expect(await run(origin, { url: origin }, { open: '' })).toMatchObject({ kind: 'retry' });
    expect(hits).toHaveLength(1);
  });

  it('another host than the one that was checked, whatever headers the job brings', async () => {
    const { origin, port, hits } = await target(answering(200));
    await run(origin, { url: origin, headers: { Host: 'admin.internal' } });
    for (const { headers } of hits) expect(headers.host).toBe(`127.0.0.1:${port}`);
  });

  it.each(['Content-Length', 'Transfer-Encoding', 'Connection', 'Upgrade', 'Expect', 'TE', 'Trailer'])(
    'anything with a %s of the job’s own, which would speak for the connection',
    async (name) => {
      const { origin, hits } = await target(answering(200));
      await run(origin, { url: origin, headers: { [name]: '7' } }, { timeoutMs: 200 });
      for (const { headers } of hits) expect(headers[name.toLowerCase()]).not.toBe('7');
    },
  );

  it.each([
    ['Bearer abc', 1],
    ['Negotiate YIIG', 2],
    ['NTLM TlRMTVNTUAAD', 2],
    [' negotiate YIIG', 2],
  ])(
    'the next job’s request over its own connection, if the server knows the user of that: %s',
    async (authorization, count) => {
      const connections = new Set<number | undefined>();
      const { origin } = await target(({ socket }, response) => {
        connections.add(socket.remotePort);
        response.end();
      });
      await run(origin, { url: origin, headers: { authorization } });
      await run(origin, { url: origin });
      expect(connections.size).toBe(count);
    },
  );

  it('the next job’s request, with a content length that is too large', async () => {
    // The connection stays open, so a body that is missing in the first request would be read from the second.
    const { origin, hits } = await target(answering(200), { readsFirst: false });
    await run(origin, { url: origin, headers: { 'Content-Length': '100000' } }, { timeoutMs: 5_000 });
    const next = await run(origin, { url: origin, headers: { 'X-Own': 'next' } }, { timeoutMs: 5_000 });
    expect(next).toMatchObject({ kind: 'done' });
    expect(hits.at(-1)?.headers).toHaveProperty('x-own', 'next');
  });

  it.each([
    ['a line break in a value', { 'X-Own': 'a\r\nX-Evil: 1' }],
    ['a line break in a name', { 'X-Own\r\nX-Evil': '1' }],
    ['a name with a colon', { 'X-Own:': '1' }],
    ['a value beyond ASCII', { 'X-Own': 'ü' }],
    ['a value beyond Latin-1', { 'X-Own': '世' }],
    ['a control character in a value', { 'X-Own': 'a\u0000' }],
    ['a tab in a value', { 'X-Own': 'a\tb' }],
    ['a value that is no text', { 'X-Own': 1 }],
    ['a name beyond ASCII', { 'X-Öwn': '1' }],
    ['a blank in a name', { 'X-Own ': '1' }],
    ['a name that servers take for another', { X_Forwarded_For: '1' }],
    ['a header that is there twice, in different cases', { 'X-Own': '1', 'x-own': '1' }],
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

describe('the check of headers', () => {
  it('takes ten times as long for ten times as many, not a hundred times', () => {
    const few = msToCheck(2_000);
    const many = msToCheck(20_000);
    expect(many / few).toBeLessThan(35);
  });
});

/** The processor time of the shortest of some checks of so many headers, in milliseconds: other work takes none of it. */
function msToCheck(count: number): number {
  const headers = Object.fromEntries(Array.from({ length: count }, (_, n) => [`x-${n}`, '']));
  const times = Array.from({ length: 7 }, () => {
    const since = process.cpuUsage();
    expect(RequestHeaders.safeParse(headers).success).toBe(true);
    const { user, system } = process.cpuUsage(since);
    return (user + system) / 1_000;
  });
  return Math.min(...times);
}
