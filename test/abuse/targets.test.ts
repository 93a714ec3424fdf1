import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Job } from '../../shared/job/job.ts';
import { until } from '../support/poll.ts';
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
      HTTP_REQUEST_ALLOW: `${allowed.origin}, http://rebound.test:${allowed.port}, http://*.address.test:${allowed.port}`,
      TARGET_ADDRESSES_ALLOW: '127.0.0.1',
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
    case '/reset':
      return void request.socket.destroy();
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

/** A job that learns nothing about what a name leads to. */
const UNREACHABLE = {
  state: 'failed',
  attempt: 1,
  error: { code: 'operation-failed', message: 'the target cannot be reached' },
};

it('a dead letter of http.request tells no more than the job about a target that cannot be reached', async () => {
  const tell = async (url: string): Promise<string> => {
    const { id = '' } = (await callUrl(url)) ?? {};
    const letter = await (await stack.call(`/v1/dead-letters/${id}`)).json();
    expect(letter).toMatchObject({ reason: 'operation-failed', message: 'the target cannot be reached' });
    return JSON.stringify(letter);
  };
  const words = /ECONN|ENOTFOUND|hang up|refused|cause/;
  expect(await tell(`${allowed.origin}/reset`)).not.toMatch(words);
  expect(await tell(`http://10-0-0-1.address.test:${allowed.port}/`)).not.toMatch(words);
});

describe('the input of http.request', () => {
  const refusalOf = async (input: object) => {
    const response = await stack.submit({ operation: 'http.request', input });
    return [response.status, (await problemOf(response)).violations];
  };

  it.each([
    'Host',
    'Content-Length',
    'Transfer-Encoding',
    'Connection',
    'Keep-Alive',
    'TE',
    'Upgrade',
    'Expect',
    'Proxy-Authorization',
    'PROXY-anything',
    'Sec-Fetch-Site',
    'Via',
    'Forwarded',
    'HTTP2-Settings',
    'X-Forwarded-For',
    'x-forwarded-host',
    'X-FORWARDED-PROTO',
    'X-Real-IP',
    'True-Client-IP',
    'Client-IP',
    'WL-Proxy-Client-IP',
    'X-Originating-IP',
    'X-Remote-IP',
    'X-Remote-Addr',
    'X-Appengine-User-IP',
    'X-ARR-ClientCert',
    'Remote-User',
    'X-Remote-User',
    'X-Auth-Request-Email',
    'Cf-Access-Jwt-Assertion',
    'X-Goog-IAP-JWT-Assertion',
    'X-Goog-Authenticated-User-Email',
    'X-Amzn-Oidc-Identity',
    'X-MS-Client-Principal-Name',
    'X-SSL-Client-Verify',
    'ssl-client-subject-dn',
    'X-SSL-Client-CN',
    'X-Amzn-Mtls-Clientcert',
    'X-MS-Token-AAD-Id-Token',
    'X-Authenticated-Userid',
    'X-Consumer-Username',
    'X-Authentik-Username',
    'X-Pomerium-Jwt-Assertion',
    'X-Apigateway-Api-Userinfo',
    'Client-Cert',
    'CF-Connecting-IP',
    'X-Original-URL',
    'X-Rewrite-URL',
    'X-HTTP-Method-Override',
    'Metadata-Flavor',
    'Metadata',
    'metadata-token',
    'X-aws-ec2-metadata-token',
    'X-Google-Metadata-Request',
    'X-aws-ec2-metadata-token-ttl-seconds',
    'X-aliyun-ecs-metadata-token',
    'traceparent',
    'TraceState',
    'BAGGAGE',
    'b3',
    'X-B3-TraceId',
    'uber-trace-id',
    'X-Amzn-Trace-Id',
    'X-Cloud-Trace-Context',
    'sentry-trace',
    'X-NewRelic-ID',
    'X-Honeycomb-Trace',
    'l5d-ctx-trace',
    'singularityheader',
    'x-datadog-trace-id',
    'ot-tracer-spanid',
    'grpc-trace-bin',
    'X-Öwn',
    'X Own',
    'X_Own',
    '',
    'x'.repeat(65),
  ])('is refused before a job is accepted if it has the header %s', async (name) => {
    const input = { url: `${allowed.origin}/`, headers: { 'X-Own': 'a', [name]: '1' } };
    const path = `/headers/${name}`;
    expect(await refusalOf(input)).toEqual([422, [{ path, message: 'has a name that is not allowed' }]]);
  });

  it.each([
    'Authorization',
    'Cookie',
    'X-Api-Key',
    'Content-Type',
    'Accept-Encoding',
    'X-Client-Id',
    'X-User',
    'X-Trace-Id',
    'X-Consumer',
    'X-Client-Certainty',
    'X-Goog-Api-Key',
    'X-Auth-Token',
    'Range',
    'CF-Access-Client-Secret',
    'X-Request-Id',
    'Hosts',
    'X-Host-Name',
    'B3D',
    'X-Metadata',
    'If-None-Match',
  ])('may have the header %s', async (name) => {
    const job = await callUrl(`${allowed.origin}/`, { headers: { [name]: 'a' } });
    expect(job).toMatchObject({ state: 'succeeded' });
  });

  it.each(['a\nb', 'ü', '世', '\u0000', '\u007f'])(
    'is refused if the value of a header is %j',
    async (value) => {
      expect(await refusalOf({ url: `${allowed.origin}/`, headers: { 'X-Own': value } })).toMatchObject([
        422,
        [{ path: '/headers/X-Own' }],
      ]);
    },
  );

  it.each([
    'http://ann:pw@a.example/',
    'https://ann@a.example',
    'http://@a.example/',
    'ftp://a.example/',
    'a',
    '',
  ])('is refused if its URL has a user, or is none of http: %s', async (url) => {
    expect(await refusalOf({ url })).toMatchObject([422, [{ path: '/url' }]]);
  });

  it('is refused by the worker if a header is there twice, in different cases', async () => {
    const job = await callUrl(`${allowed.origin}/`, { headers: { 'X-Own': 'a', 'x-own': 'b' } });
    expect(job).toMatchObject({ state: 'failed', error: { code: 'input-invalid' } });
    expect(job?.error?.message).toContain('/headers x-own is there twice, in different cases');
  });
});

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
    expect(rebound).toMatchObject(UNREACHABLE);
    expect(JSON.stringify(rebound)).not.toContain('169.254');
    await until('the reason in the log', () =>
      JSON.stringify(stack.logs()).includes('rebound.test leads to 169.254.169.254'),
    );
  });

  it('reaches a name that leads to an address that the operator opened', async () => {
    expect(await callUrl(`http://127-0-0-1.address.test:${allowed.port}/`)).toMatchObject({
      state: 'succeeded',
    });
  });

  it.each([
    '127-0-0-2',
    '10-0-0-7',
    '100-100-100-200',
    '168-63-129-16',
    '169-254-169-254',
    '192-0-2-1',
    'fd20-ce--254',
    'fd00-ec2--254',
    '64-ff9b--7f00-1',
    '64-ff9b-1--7f00-1',
    '2001-0-7f00-1--',
    '--1',
    '--ffff-a9fe-a9fe',
    '2002-7f00-1--',
    'no-such-name',
  ])('says the same of a name that leads to %s', async (name) => {
    const url = `http://${name}.address.test:${allowed.port}/`;
    expect(await callUrl(url)).toMatchObject(UNREACHABLE);
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
