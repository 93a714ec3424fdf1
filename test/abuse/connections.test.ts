import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { LIMITS } from '../../shared/job/limits.ts';
import { connectRaw, exchangeRaw, type RawConnection } from '../support/http/raw-http.ts';
import { storedCount } from '../support/nats/stored.ts';
import { until } from '../support/poll.ts';
import { problemOf, startTestStack, type TestStack, withTestStack } from '../support/stack.ts';
import { type Caller, tenants } from '../support/tenants.ts';

const BODY = '{"operation":"echo","input":1}';
const BODY_TIMEOUT_MS = 500;
/** How many large bodies a tenant begins to send at once. */
const FLOOD = 40;

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ edge: { BODY_TIMEOUT_MS: String(BODY_TIMEOUT_MS) } });
});

/** The head of a request that submits a job, with these lines in it. */
function head(...lines: string[]): string {
  return [
    'POST /v1/jobs HTTP/1.1',
    `Host: ${new URL(stack.url).host}`,
    `Authorization: Bearer ${stack.apiKey}`,
    'Content-Type: application/json',
    ...lines,
    '\r\n',
  ].join('\r\n');
}

async function open(): Promise<RawConnection> {
  const connection = await connectRaw(stack.url);
  onTestFinished(() => void connection.socket.destroy());
  return connection;
}

describe('a request that is not valid HTTP', () => {
  it.each([
    ['a NUL in a value', [`Content-Length: ${BODY.length}`, 'Baggage: a=\0']],
    ['a bare CR in a value', [`Content-Length: ${BODY.length}`, 'Baggage: a=1\rX-Evil: 1']],
    ['a blank in a name', [`Content-Length: ${BODY.length}`, 'X Evil: 1']],
    ['a name of nothing', [`Content-Length: ${BODY.length}`, ': 1']],
    ['two lengths', ['Content-Length: 5', `Content-Length: ${BODY.length}`]],
    ['a length below zero', ['Content-Length: -1']],
    ['a length that is none', ['Content-Length: 0x1e']],
    ['a coding that nobody knows', ['Transfer-Encoding: xchunked']],
  ])('A10, A17: with %s makes no job', async (_what, lines) => {
    const before = await storedCount(stack);
    const connection = await open();
    connection.write(`${head('Connection: close', ...lines)}${BODY}`);
    connection.socket.end();
    await connection.closed;
    expect(connection.answered()).not.toMatch(/^HTTP\/1\.1 2/);
    expect(await storedCount(stack)).toBe(before);
  });

  it('A10, A17: with a length and chunks hides no second request', async () => {
    const before = await storedCount(stack);
    const hidden = `${head(`Content-Length: ${BODY.length}`)}${BODY}`;
    const connection = await open();
    connection.write(`${head('Content-Length: 4', 'Transfer-Encoding: chunked')}0\r\n\r\n${hidden}`);
    connection.socket.end();
    await connection.closed;
    // The bytes after the last chunk are a second request, and there is no other.
    const answers = connection.answered().match(/HTTP\/1\.1 \d+/g) ?? [];
    expect(answers.filter((answer) => answer.endsWith(' 202')).length).toBe(
      (await storedCount(stack)) - before,
    );
    expect(answers.length).toBeLessThanOrEqual(2);
  });

  it('A10: a value that continues in the next line is one value, and no other header', async () => {
    const answer = await exchangeRaw(
      stack.url,
      `${head('Connection: close', `Content-Length: ${BODY.length}`, 'Idempotency-Key: a\r\n Nats-Rollup: all')}${BODY}`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe('a Host header', () => {
  const get = (host: string) => `GET /v1/jobs HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;

  it.each(['a/b', '/', 'a?b', 'a#b', 'a/healthz?', 'healthz#@a', 'user@a', 'a b', 'a\\b'])(
    'A18: %j leads to no other path',
    async (host) => {
      const answer = await exchangeRaw(stack.url, get(host));
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer).not.toContain('"status":"ok"');
    },
  );

  it.each(['a:99999', '1.2.3.999', 'xn--a', '[::1]:8787', 'A.example', 'a..b', 'a:'])(
    'A18: %j is no fault of ours',
    async (host) => {
      expect(await exchangeRaw(stack.url, get(host))).toMatch(/^HTTP\/1\.1 4\d\d /);
    },
  );
});

describe('a body', () => {
  it.each([
    ['shorter than it said', [`Content-Length: ${BODY.length + 100}`], BODY],
    ['cut off in a chunk', ['Transfer-Encoding: chunked'], `ff\r\n${BODY}`],
    ['cut off after a chunk', ['Transfer-Encoding: chunked'], `${BODY.length.toString(16)}\r\n${BODY}\r\n`],
    ['of chunks whose sizes are none', ['Transfer-Encoding: chunked'], `zz\r\n${BODY}\r\n0\r\n\r\n`],
  ])('A17: that is %s makes no job', async (_what, lines, body) => {
    const before = await storedCount(stack);
    for (const leave of ['end', 'destroy'] as const) {
      const connection = await open();
      connection.write(`${head(...lines)}${body}`);
      connection.socket[leave]();
      await connection.closed;
      expect(connection.answered()).not.toMatch(/^HTTP\/1\.1 2/);
    }
    expect((await stack.run('echo', 'after')).state).toBe('succeeded');
    expect(await storedCount(stack)).toBe(before + 1);
  });

  it.each([
    ['before its length', ['Content-Length: 500'], '/v1/jobs'],
    ['in a chunk', ['Transfer-Encoding: chunked'], '/v1/jobs'],
    ['in a request that takes no body', ['Content-Length: 2'], '/v1/schedules/none/trigger'],
  ])('A17: that ends %s is a fault of the caller and none of ours', async (_what, lines, path) => {
    const connection = await open();
    connection.write(
      `${head(...lines).replace('/v1/jobs', path)}${lines[0]?.includes('chunked') ? '5\r\n{"ope\r\n' : '{'}`,
    );
    connection.socket.end();
    await connection.closed;
    expect(connection.answered()).toMatch(/^HTTP\/1\.1 400 /);
    expect(connection.answered()).toContain('"detail":"the body ended too early; send the whole body again"');
    await stack.logged(({ msg, status }) => msg === 'request' && status === 400);
    expect(stack.logs().filter(({ msg }) => msg === 'a request failed')).toEqual([]);
  });

  it('A17: that never comes is answered 408, and other requests are served in the meantime', async () => {
    const before = await storedCount(stack);
    const slow = await Promise.all(Array.from({ length: 100 }, open));
    for (const [n, connection] of slow.entries()) {
      const length = n % 2 === 0 ? 'Content-Length: 1000' : 'Transfer-Encoding: chunked';
      connection.write(`${head(length)}${n % 2 === 0 ? '{' : '1\r\n{\r\n'}`);
    }
    expect((await stack.run('echo', 'meanwhile')).state).toBe('succeeded');
    await until('all of them to be given up', () =>
      slow.every(({ answered }) => answered().startsWith('HTTP/1.1 408 ')),
    );
    expect(slow[0]?.answered()).toContain('"code":"body-timeout"');
    expect(await storedCount(stack)).toBe(before + 1);
  });

  it('A17: the bodies that a tenant sends at once are bounded, and those of others have their own room', async () => {
    const { callers, API_KEYS } = await tenants('loud', 'quiet');
    const { url } = await withTestStack({ edge: { API_KEYS } });
    const largest = LIMITS.batchInputs * LIMITS.inputBytes;
    const lines = [
      'POST /v1/jobs/batch HTTP/1.1',
      `Host: ${new URL(url).host}`,
      `Authorization: Bearer ${callers.loud.key}`,
      'Content-Type: application/json',
      `Content-Length: ${largest}`,
    ];
    const slow = await Promise.all(
      Array.from({ length: FLOOD }, async () => {
        const connection = await connectRaw(url);
        onTestFinished(() => void connection.socket.destroy());
        connection.write(`${lines.join('\r\n')}\r\n\r\n{`);
        return connection;
      }),
    );
    const refused = () => slow.filter(({ answered }) => answered().startsWith('HTTP/1.1 429 ')).length;
    await until('some to be refused', () => refused() === FLOOD - Math.floor((64 * 1024 * 1024) / largest));
    const batch = (caller: Caller): Promise<Response> =>
      caller.call(url, '/v1/jobs/batch', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jobs: [{ operation: 'echo', input: 'x'.repeat(LIMITS.inputBytes - 2) }] }),
      });
    expect((await batch(callers.quiet)).status).toBe(207);
    const response = await batch(callers.loud);
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '1']);
    expect(await problemOf(response)).toMatchObject({ code: 'rate-limited' });
    for (const { socket } of slow) socket.destroy();
    await until('room for a body', async () => (await batch(callers.loud)).status === 207);
  });

  it('A17: a head that never ends does not keep other requests waiting', async () => {
    const slow = await Promise.all(Array.from({ length: 100 }, open));
    for (const connection of slow) connection.write('POST /v1/jobs HTTP/1.1\r\nX-Slow: ');
    expect((await stack.run('echo', 'meanwhile')).state).toBe('succeeded');
  });
});

describe('a method', () => {
  it.each(['HEAD', 'OPTIONS', 'PUT', 'PATCH', 'TRACE', 'CONNECT', 'PROPFIND', 'get', 'FOO'])(
    'A18: %s has no effect of another method',
    async (method) => {
      const before = await storedCount(stack);
      const connection = await open();
      connection.write(
        head('Connection: close', `Content-Length: ${BODY.length}`).replace(/^POST/, method) + BODY,
      );
      connection.socket.end();
      await connection.closed;
      // HEAD is a GET without its body: the list. OPTIONS names the methods.
      const expected =
        { HEAD: /^HTTP\/1\.1 200 /, OPTIONS: /^HTTP\/1\.1 204 / }[method] ?? /^HTTP\/1\.1 [45]\d\d /;
      expect(connection.answered()).toMatch(expected);
      expect(await storedCount(stack)).toBe(before);
    },
  );
});
