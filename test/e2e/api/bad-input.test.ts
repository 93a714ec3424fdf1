import { once } from 'node:events';
import http from 'node:http';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { beforeAll, describe, expect, it } from 'vitest';
import { OperationList } from '../../../shared/api/answers/operation-list.ts';
import { bodyOf, bridgesOf } from '../../support/http/answers.ts';
import { problemOf, startTestStack, type TestStack } from '../../support/stack.ts';

const TRICKS = [
  '*',
  '>',
  'a.*',
  'echo.>',
  'echo b',
  ' echo',
  'echo\r\nPUB x 1',
  'echo\n',
  'echo\0',
  '$JS.API',
  'ÉCHO',
  '😀',
  '.',
  '..',
  'a..b',
  '',
];

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ operationsFolder: 'examples/operations' });
});

describe('POST /v1/jobs refuses', () => {
  it.each(TRICKS)('A12, A13: the operation name %j before anything is published', async (operation) => {
    const response = await stack.submit({ operation, input: 1 });
    expect(response.status).toBe(400);
    expect(await problemOf(response)).toMatchObject({
      code: 'request-invalid',
      violations: [{ path: '/operation', message: 'must be dotted lowercase words, at most 128 characters' }],
    });
  });

  it('a name of 10 kB, without repeating it in the answer', async () => {
    const response = await stack.submit({ operation: 'a'.repeat(10_000), input: 1 });
    expect(response.status).toBe(400);
    expect((await response.text()).length).toBeLessThan(1_000);
  });

  it('an operation nobody announced, with the names that are near', async () => {
    const response = await stack.submit({ operation: 'ecco', input: 1 });
    expect(response.status).toBe(422);
    expect(await problemOf(response)).toMatchObject({
      type: 'urn:throughline:problem:operation-unknown',
      code: 'operation-unknown',
      suggestions: ['echo'],
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
    });
  });

  it('an input that fails the announced schema, with the paths that fail', async () => {
    const response = await stack.submit({ operation: 'text.count', input: { text: 7 } });
    expect(response.status).toBe(422);
    const problem = await problemOf(response);
    expect(problem.code).toBe('input-invalid');
    expect(problem.violations?.map(({ path }) => path)).toEqual(['/text']);
  });

  it.each([
    ['no JSON', '{"operation":', 400, 'request-invalid'],
    ['an empty body', '', 400, 'request-invalid'],
    ['an unknown field', '{"operation":"echo","imput":1}', 400, 'request-invalid'],
    ['a body that is a list', '[]', 400, 'request-invalid'],
    [
      'E11: an input that is too large',
      JSON.stringify({ operation: 'echo', input: 'x'.repeat(270_000) }),
      413,
      'payload-too-large',
    ],
    ['more attempts than allowed', '{"operation":"echo","input":1,"maxAttempts":99}', 400, 'request-invalid'],
    [
      'a longer timeout than allowed',
      '{"operation":"echo","input":1,"timeout":"1h"}',
      400,
      'request-invalid',
    ],
    [
      'a timeout that is no duration',
      '{"operation":"echo","input":1,"timeout":"soon"}',
      400,
      'request-invalid',
    ],
  ])('%s', async (_, body, status, code) => {
    const response = await stack.call('/v1/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    const problem = await problemOf(response);
    expect(problem).toMatchObject({ code, status });
    expect(problem.detail).not.toBe('');
  });

  it.each([
    ['no key', undefined],
    ['a wrong key', 'Bearer tl_dev_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'],
    ['an unknown key', 'Bearer tl_nobody_AAAAAAAAAAAAAAAAAAAAAAAAAAAA'],
    ['no key at all in it', 'Bearer x'],
    ['another scheme', 'Basic dXNlcjpwYXNz'],
  ])('a request with %s, always with the same answer', async (_, authorization) => {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    const response = await fetch(`${stack.url}/v1/jobs`, { method: 'POST', headers, body: '{}' });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="throughline"');
    const { traceId: _traceId, ...problem } = await problemOf(response);
    expect(problem).toEqual({
      type: 'urn:throughline:problem:unauthenticated',
      title: 'A valid API key or token is needed',
      status: 401,
      code: 'unauthenticated',
      detail: 'send a valid key or token as "Authorization: Bearer …"',
    });
  });

  it('A12, A13: all of that without a message in the queue or a lost connection', async () => {
    const nats = await connect({ servers: stack.nats.url });
    try {
      const { state } = await (await jetstreamManager(nats)).streams.info('JOBS');
      expect(state).toMatchObject({ messages: 0, last_seq: 0 });
    } finally {
      await nats.close();
    }
    expect(await bridgesOf(stack)).toMatchObject([{ connections: 1 }]);
  });
});

describe('other requests', () => {
  it.each(['*', '%3E', 'a.b', '%0d%0aPUB', '%00', 'x'.repeat(65), 'unknown'])(
    'A12: GET /v1/jobs/%s is nobody’s job',
    async (id) => {
      const response = await stack.call(`/v1/jobs/${id}`);
      expect(response.status).toBe(404);
      expect(await problemOf(response)).toMatchObject({
        code: 'job-unknown',
        detail: expect.stringMatching(/^no job of yours has the id ".+"; GET \/v1\/jobs lists your jobs$/),
      });
    },
  );

  it('an unknown path is 404, a known one with another method 405 with Allow', async () => {
    expect((await stack.call('/v2/nothing')).status).toBe(404);
    const response = await stack.call('/v1/operations', { method: 'DELETE' });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET');
  });

  it.each([
    ['/v1/jobs/', '/v1/jobs'],
    ['/v1//jobs', '/v1/jobs'],
    ['/jobs', '/v1/jobs'],
    ['/v1/v1/operations/', '/v1/operations'],
    ['/api/v1/jobs', '/v1/jobs'],
    ['/V1/Jobs', '/v1/jobs'],
    ['/docs/', '/docs'],
  ])('the wrong path %s is answered with the one that was meant', async (path, meant) => {
    const response = await stack.call(path);
    expect(response.status).toBe(404);
    expect(await problemOf(response)).toMatchObject({
      code: 'route-unknown',
      detail: `did you mean ${meant}?`,
      suggestions: [meant],
    });
  });

  it('GET / leads to the page for people', async () => {
    const response = await fetch(stack.url);
    expect([response.status, new URL(response.url).pathname]).toEqual([200, '/docs']);
  });

  it.each([
    ['/v1/jobs', 'GET, POST, OPTIONS'],
    ['/v1/jobs/batch', 'POST, OPTIONS'],
    ['/v1/jobs/some-id', 'GET, DELETE, OPTIONS'],
    ['/healthz', 'GET, OPTIONS'],
    ['*', 'GET, POST, PUT, DELETE, OPTIONS'],
  ])('OPTIONS %s names the methods, without a key', async (path, allow) => {
    const { hostname: host, port } = new URL(stack.url);
    const request = http.request({ host, port, method: 'OPTIONS', path }).end();
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    response.resume();
    expect([response.statusCode, response.headers.allow]).toEqual([204, allow]);
    expect(response.headers).toMatchObject({
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
  });

  it('a preflight request is told which setting is missing', async () => {
    const headers = { origin: 'https://app.example', 'access-control-request-method': 'POST' };
    const response = await fetch(`${stack.url}/v1/jobs`, { method: 'OPTIONS', headers });
    expect(response.status).toBe(403);
    expect((await problemOf(response)).detail).toContain('CORS_ORIGINS');
    expect(response.headers.has('access-control-allow-origin')).toBe(false);
  });

  it('answers below /v1 are kept by no cache and guessed by no browser', async () => {
    for (const path of ['/v1/jobs', '/v1/operations', '/v1/nothing', '/v1/jobs/none/events', '/readyz']) {
      const { headers } = await stack.call(path);
      expect([headers.get('cache-control'), headers.get('x-content-type-options')]).toEqual([
        'no-store',
        'nosniff',
      ]);
    }
  });

  it('a body of another encoding or type is answered with what would be taken', async () => {
    const send = (more: Record<string, string>): Promise<Response> =>
      stack.call('/v1/jobs', {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...more },
        body: '{}',
      });
    const encoded = await send({ 'content-encoding': 'gzip' });
    expect([encoded.status, encoded.headers.get('accept-encoding')]).toEqual([415, 'identity']);
    const text = await send({ 'content-type': 'text/plain' });
    expect([text.status, text.headers.get('accept')]).toEqual([415, 'application/json']);
  });

  it('GET /v1/operations lists each operation, with its schema and limits', async () => {
    const { operations } = await bodyOf(OperationList, stack.call('/v1/operations'));
    expect(operations.map(({ name }) => name)).toEqual([
      'echo',
      'http.request',
      'text.count',
      'throughline.canary',
    ]);
    expect(operations[2]).toMatchObject({
      timeoutMs: 10_000,
      maxAttempts: 3,
      inputSchema: { required: ['text'] },
    });
  });
});
