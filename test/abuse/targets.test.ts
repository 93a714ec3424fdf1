import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Job } from '../../shared/job/job.ts';
import { problemOf, startTestStack, type TestStack } from '../support/stack.ts';

const RESOLVER = fileURLToPath(new URL('../fixtures/resolver.ts', import.meta.url));

interface Target {
  readonly origin: string;
  readonly port: number;
  readonly server: Server;
  /** The paths of the requests so far. */
  readonly hits: string[];
}

let stack: TestStack;
/** A target that a job may call. */
let allowed: Target;
/** A target that it may not call. */
let inner: Target;

beforeAll(async () => {
  inner = await listen((_request, response) => response.end('secret'));
  allowed = await listen(answer);
  stack = await startTestStack({
    worker: {
      HTTP_REQUEST_ALLOW: `${allowed.origin}, http://rebound.test:${allowed.port}`,
      NODE_OPTIONS: `--import=${RESOLVER}`,
    },
  });
});

afterAll(async () => {
  for (const { server } of [inner, allowed]) {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
});

async function listen(listener: RequestListener): Promise<Target> {
  const hits: string[] = [];
  const server = createServer((request, response) => {
    hits.push(request.url ?? '');
    listener(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, port, server, hits };
}

const answer: RequestListener = (request, response) => {
  const chunk = Buffer.alloc(64 * 1024, 0x2e);
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  switch (request.url) {
    case '/redirect':
      return void response.writeHead(302, { location: `${inner.origin}/secret` }).end();
    case '/endless':
      response.on('drain', more);
      return more();
    case '/half':
      return void response.write('half');
    case '/silent':
      return;
    default:
      return void response.end('ok');
  }
};

/** Lets a job call a URL. @returns the job at its end; undefined if the edge refused it */
async function callUrl(url: string, more: object = {}, limits: object = {}): Promise<Job | undefined> {
  const body = { operation: 'http.request', input: { url, ...more }, maxAttempts: 1, ...limits };
  const response = await stack.submit(body, { prefer: 'wait=20' });
  if (response.status === 200) return Job.parse(await response.json());
  expect([response.status, (await problemOf(response)).code]).toEqual([422, 'input-invalid']);
  return undefined;
}

describe('http.request', () => {
  it.each([
    'http://127.1:{port}/',
    'http://0x7f000001:{port}/',
    'http://0177.0.0.1:{port}/',
    'http://2130706433:{port}/',
    'http://[::ffff:127.0.0.1]:{port}/',
    'http://[::ffff:7f00:1]:{port}/',
    'http://[::1]:{port}/',
    'http://localhost:{port}/',
    'http://LOCALHOST.:{port}/',
    'http://0.0.0.0:{port}/',
    'http://0:{port}/',
    'http://①②⑦.0.0.1:{port}/',
    'http://127.0.0.1:{allowed}@127.0.0.1:{port}/',
    'http://127.0.0.1:{port}#@127.0.0.1:{allowed}/',
    'http://127.0.0.1:{port}\\@127.0.0.1:{allowed}/',
    'https://127.0.0.1:{allowed}/',
    'http://169.254.169.254/latest/meta-data/',
    'http://metadata.google.internal/',
    'file:///etc/passwd',
    'gopher://127.0.0.1:{port}/_x',
    'ftp://127.0.0.1:{port}/',
    'unix:/var/run/docker.sock',
    'data:text/plain,x',
    '//127.0.0.1:{port}/',
    'http://127.0.0.1:{port}/\r\nHost: x',
  ])('A19: does not reach %s', async (pattern) => {
    const url = pattern.replaceAll('{port}', `${inner.port}`).replaceAll('{allowed}', `${allowed.port}`);
    const job = await callUrl(url);
    if (job !== undefined) {
      expect(job).toMatchObject({ state: 'failed', attempt: 1 });
      expect(['target-refused', 'input-invalid']).toContain(job.error?.code);
    }
    expect(inner.hits).toEqual([]);
  });

  it('A20: follows a redirect only if asked to, and only to an allowed target', async () => {
    const unasked = await callUrl(`${allowed.origin}/redirect`);
    expect(unasked).toMatchObject({ state: 'succeeded', result: { status: 302 } });
    const asked = await callUrl(`${allowed.origin}/redirect`, { maxRedirects: 5 });
    expect(asked).toMatchObject({ state: 'failed', error: { code: 'target-refused' } });
    expect(inner.hits).toEqual([]);
  });

  it('A21: connects to the address that was checked, and checks again for each call', async () => {
    const url = `http://rebound.test:${allowed.port}/`;
    // A connection that is kept open would need no second lookup.
    const headers = { 'x-own': '1' };
    expect(await callUrl(url, { headers })).toMatchObject({ state: 'succeeded' });
    allowed.server.closeIdleConnections();
    const rebound = await callUrl(url, { headers });
    expect(rebound).toMatchObject({ state: 'failed', error: { code: 'target-refused' } });
    expect(JSON.stringify(rebound)).not.toContain('169.254');
  });

  it.each([
    ['/endless', 'operation-rejected', 'failed'],
    ['/half', 'operation-timeout', 'failed'],
    ['/silent', 'operation-timeout', 'failed'],
  ])('A22: stops reading an answer that does not end (%s)', async (path, code, state) => {
    const job = await callUrl(`${allowed.origin}${path}`, {}, { timeout: '300ms' });
    expect(job).toMatchObject({ state, error: { code } });
    expect(await callUrl(`${allowed.origin}/after`)).toMatchObject({ state: 'succeeded' });
  });
});
