import type { RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { sendRequest } from '../../../../../worker-node/operations/built-in/http-exchange.ts';
import { AllowList } from '../../../../../worker-node/operations/targets/allow-list.ts';
import { answering, lookupOf, run, stopTargets, target } from './targets.ts';

/** Sends an answer without an end, as fast as the client reads. */
const endless: RequestListener = (_request, response) => {
  const chunk = Buffer.alloc(64 * 1024, 0x2e);
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on('drain', more);
  more();
};

afterEach(stopTargets);

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
    expect(await run(origin, { url: origin }, { timeoutMs: 1_000 })).toMatchObject({
      kind: 'retry',
      code: 'operation-timeout',
    });
    await closed.promise;
  });

  it('that never begins is cut off when the signal aborts', async () => {
    const stop = new AbortController();
    const { origin } = await target(() => stop.abort(new Error('enough')));
    const parts = { lookup: lookupOf(''), baggageAllow: new AllowList('') };
    const answer = sendRequest(parts, { url: new URL(origin), method: 'GET', headers: {} }, stop.signal);
    await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('that breaks off is tried again', async () => {
    const { origin } = await target((_request, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('half', () => response.destroy());
    });
    expect(await run(origin, { url: origin })).toMatchObject({ kind: 'retry' });
  });

  it('without a length whose connection breaks is tried again, and is no shorter answer', async () => {
    const { origin } = await target((request, response) => {
      response.socket?.write('HTTP/1.1 200 OK\r\n\r\nhalf', () => request.socket.resetAndDestroy());
    });
    expect(await run(origin, { url: origin })).toMatchObject({ kind: 'retry', code: 'operation-failed' });
  });

  it('without a length ends with its connection', async () => {
    const { origin } = await target((request) => void request.socket.end('HTTP/1.0 200 OK\r\n\r\nall'));
    expect(await run(origin, { url: origin })).toMatchObject({ kind: 'done', result: { body: 'all' } });
  });

  it('that switches to a protocol that nobody asked for is tried again, before the time limit', async () => {
    const { origin } = await target((request) => {
      request.socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n');
    });
    expect(await run(origin, { url: origin })).toMatchObject({ kind: 'retry', code: 'operation-failed' });
  });

  describe('that never comes, since the server has closed the connection that was kept,', () => {
    /** Sends a request, and a second one over the same connection, which the server closes then. */
    const second = async (method: string, close: (socket: Socket) => void) => {
      const served = new WeakSet<Socket>();
      const { origin, hits } = await target(({ socket }, response) => {
        if (served.has(socket)) return close(socket);
        served.add(socket);
        response.end('ok');
      });
      await run(origin, { url: origin });
      await setImmediate();
      const outcome = await run(origin, { url: origin, method, body: method === 'PUT' ? 'new' : null });
      return { outcome, hits: hits.slice(1).map((hit) => `${hit.method} ${hit.body}`) };
    };
    const ends: [string, (socket: Socket) => void][] = [
      ['a reset', (socket) => socket.resetAndDestroy()],
      ['an end', (socket) => socket.end()],
    ];

    it.each(
      ends.flatMap(([end, close]) =>
        ['GET', 'HEAD', 'PUT', 'DELETE'].map((method) => ({ method, end, close })),
      ),
    )('is waited for over a new one: $method, $end', async ({ method, close }) => {
      const { outcome, hits } = await second(method, close);
      expect(outcome).toMatchObject({ kind: 'done', result: { status: 200 } });
      const sent = `${method} ${method === 'PUT' ? 'new' : ''}`;
      expect(hits).toEqual([sent, sent]);
    });

    it.each(ends.flatMap(([end, close]) => ['POST', 'PATCH'].map((method) => ({ method, end, close }))))(
      'takes an attempt if the server may have acted: $method, $end',
      async ({ method, close }) => {
        const { outcome, hits } = await second(method, close);
        expect(outcome).toMatchObject({ kind: 'retry', code: 'operation-failed' });
        expect(hits).toEqual([`${method} `]);
      },
    );
  });

  it('that never comes over a new connection takes an attempt', async () => {
    const { origin, hits } = await target(({ socket }) => socket.resetAndDestroy());
    expect(await run(origin, { url: origin })).toMatchObject({ kind: 'retry', code: 'operation-failed' });
    expect(hits).toHaveLength(1);
  });

  it('that never comes, since nobody listens, is tried again', async () => {
    const { origin } = await target(answering(200));
    await stopTargets();
    const outcome = await run(origin, { url: origin });
    expect(outcome).toMatchObject({
      kind: 'retry',
      code: 'operation-failed',
      message: 'the target cannot be reached',
      report: { summary: expect.stringContaining('ECONNREFUSED 127.0.0.1') },
    });
  });

  it.each([
    ['does not exist', 'no-such-name.invalid', /ENOTFOUND|EAI_AGAIN/],
    ['leads to a refused address', 'localhost', /localhost leads to \S+, an address that is refused/],
  ])(
    'looks the same to the caller if the name of the target %s; the log says which',
    async (_what, host, reason) => {
      const outcome = await run(`http://${host}`, { url: `http://${host}/` }, { open: '' });
      expect(outcome).toMatchObject({
        kind: 'retry',
        code: 'operation-failed',
        message: 'the target cannot be reached',
        report: { summary: expect.stringMatching(reason) },
      });
    },
  );

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

  it('may have more headers than Node reads by default', async () => {
    const long = 'a'.repeat(50_000);
    const { origin } = await target(answering(200, 'ok', { 'content-security-policy': long }));
    expect(await run(origin, { url: origin })).toMatchObject({
      kind: 'done',
      result: { headers: { 'content-security-policy': long } },
    });
  });

  it('of 503 is tried again whatever its body is', async () => {
    const body = Buffer.alloc(1024 * 1024);
    const { origin } = await target(answering(503, body, { 'content-encoding': 'gzip' }));
    expect(await run(origin, { url: origin })).toMatchObject({ kind: 'retry' });
  });
});

describe('Retry-After of an answer', () => {
  const HOUR_MS = 3_600_000;
  const asked = async (value: string) => {
    const { origin } = await target(answering(503, '', { 'retry-after': value }));
    return await run(origin, { url: origin });
  };

  it.each([
    ['7', 7_000],
    [' 7 ', 7_000],
    ['3600', HOUR_MS],
    ['7200', HOUR_MS],
    ['9'.repeat(400), HOUR_MS],
    ['Wed, 21 Oct 2099 07:28:00 GMT', HOUR_MS],
    ['Wednesday, 21-Oct-70 07:28:00 GMT', HOUR_MS],
    ['Wed Oct 21 07:28:00 2099', HOUR_MS],
  ])('says when the request is sent again, an hour at most: %s', async (value, delayMs) => {
    expect(await asked(value)).toMatchObject({ kind: 'retry-after', delayMs });
  });

  it('as a date is the time until then', async () => {
    const outcome = await asked(new Date(Date.now() + 600_000).toUTCString());
    expect(outcome).toMatchObject({ kind: 'retry-after' });
    const { delayMs } = outcome as { delayMs: number };
    expect(delayMs).toBeGreaterThan(500_000);
    expect(delayMs).toBeLessThanOrEqual(600_000);
  });

  it.each(['0', '-1', '1.5', 'NaN', 'soon', 'Wed, 21 Oct 2015 07:28:00 GMT'])(
    'that asks for no pause leaves it to the back-off: %s',
    async (value) => {
      expect(await asked(value)).toMatchObject({ kind: 'retry' });
    },
  );
});

const TEXT = 'grüße, 世界';
const LATIN = Buffer.from('grüße', 'latin1');
/** As programs write zstd that compress part after part, or in several threads: frames, with one to be skipped among them. */
const inFrames = (bytes: Buffer): Buffer => {
  const toSkip = Buffer.from('502a4d1804000000cafecafe', 'hex');
  const [first, second] = [bytes.subarray(0, 9), bytes.subarray(9)].map((part) => zstdCompressSync(part));
  return Buffer.concat([first ?? toSkip, toSkip, second ?? toSkip]);
};
const BYTES = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff, 0x00]);

describe('the body of an answer', () => {
  const read = async (body: Buffer, headers: Record<string, string | string[]>, status = 200) => {
    const { origin } = await target(answering(status, body, headers));
    const outcome = await run(origin, { url: origin });
    return outcome.kind === 'done' ? outcome.result : outcome;
  };
  const text = (body: string) => ({ body, isBase64Encoded: false });
  const base64 = (bytes: Buffer) => ({ body: bytes.toString('base64'), isBase64Encoded: true });

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ['gzip', gzipSync],
    ['GZIP', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
    ['zstd', inFrames],
    ['identity', (bytes) => bytes],
    ['gzip, br', (bytes) => brotliCompressSync(gzipSync(bytes))],
    [' gzip ,identity', gzipSync],
  ])('is decoded by its content encoding: %s', async (coding, encode) => {
    const result = await read(encode(Buffer.from(TEXT)), { 'content-encoding': coding });
    expect(result).toMatchObject(text(TEXT));
    expect(result).toMatchObject({ headers: { 'content-encoding': coding.trim() } });
  });

  it.each<[string, Buffer, string]>([
    ['text/plain', Buffer.from(TEXT), TEXT],
    ['text/plain; charset=UTF-8', Buffer.from(TEXT), TEXT],
    ['text/html; charset="iso-8859-1"', LATIN, 'grüße'],
    ['text/html;Charset=Latin1', LATIN, 'grüße'],
    ['text/plain; charset=shift_jis', Buffer.from([0x90, 0xa2, 0x8a, 0x45]), '世界'],
    ['text/plain; charset=utf-16le', Buffer.from('grüße', 'utf16le'), 'grüße'],
    ['text/plain', Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('grüße', 'utf16le')]), 'grüße'],
    ['text/plain; charset=latin1', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(TEXT)]), TEXT],
    ['text/plain; charset=no-such-charset', Buffer.from(TEXT), TEXT],
    ['text/plain; charset=us-ascii, x', Buffer.from('plain'), 'plain'],
    ['not a media type', Buffer.from(TEXT), TEXT],
    ['', Buffer.from(TEXT), TEXT],
    ['image/png', Buffer.alloc(0), ''],
  ])('is text in its charset: %s', async (contentType, body, expected) => {
    expect(await read(body, { 'content-type': contentType })).toMatchObject(text(expected));
  });

  it.each([
    ['image/png', BYTES],
    ['text/plain', LATIN],
    ['text/plain; charset=utf-8', LATIN],
    ['text/plain; charset=utf-16le', Buffer.from([0x00, 0xd8, 0xff])],
    ['text/plain; charset=no-such-charset', BYTES],
  ])('that is not text is in base64: %s', async (contentType, body) => {
    expect(await read(body, { 'content-type': contentType })).toMatchObject(base64(body));
  });

  it('is decoded first, and may then be bytes', async () => {
    expect(await read(gzipSync(BYTES), { 'content-encoding': 'gzip' })).toMatchObject(base64(BYTES));
  });

  it.each(['compress', 'aws-chunked', 'gzip, secret', '__proto__'])(
    'in an encoding that nobody knows stays as it is: %s',
    async (coding) => {
      expect(await read(BYTES, { 'content-encoding': coding })).toMatchObject(base64(BYTES));
      expect(await read(Buffer.from(TEXT), { 'content-encoding': coding })).toMatchObject(text(TEXT));
    },
  );

  it('that is a part of an encoded one stays as it is', async () => {
    const part = gzipSync(TEXT).subarray(4);
    expect(await read(part, { 'content-encoding': 'gzip' }, 206)).toMatchObject(base64(part));
  });

  it.each([
    ['gzip', Buffer.from('plain')],
    ['gzip', gzipSync(TEXT).subarray(0, -4)],
    ['br', BYTES],
    ['deflate', BYTES],
    ['zstd', BYTES],
    ['zstd', Buffer.concat([zstdCompressSync(TEXT), BYTES])],
    ['gzip, br', gzipSync(TEXT)],
  ])('that is not in its content encoding fails the job with a sentence: %s', async (coding, body) => {
    expect(await read(body, { 'content-encoding': coding })).toMatchObject({
      kind: 'reject',
      code: 'operation-rejected',
      message: expect.stringMatching(/^the answer is not in the content coding \w+ that its headers name$/),
    });
  });

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['zstd', zstdCompressSync],
    ['zstd', inFrames],
    ['gzip, gzip', (bytes) => gzipSync(gzipSync(bytes))],
  ])('that grows beyond the size limit when it is decoded fails the job: %s', async (coding, encode) => {
    const bomb = encode(Buffer.alloc(64 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(256 * 1024);
    expect(await read(bomb, { 'content-encoding': coding })).toMatchObject({
      kind: 'reject',
      message: 'the answer is larger than 262144 bytes',
    });
  });

  it('in too many encodings fails the job', async () => {
    const coding = Array.from({ length: 5 }, () => 'gzip').join(', ');
    expect(await read(gzipSync(TEXT), { 'content-encoding': coding })).toMatchObject({ kind: 'reject' });
  });

  it('in too many frames of zstd fails the job: each one costs the worker as much as a whole answer', async () => {
    const frames = (count: number): Buffer => Buffer.concat(Array(count).fill(zstdCompressSync('a')));
    const zstd = { 'content-encoding': 'zstd' };
    expect(await read(frames(1_000), zstd)).toMatchObject(text('a'.repeat(1_000)));
    expect(await read(frames(1_001), zstd)).toMatchObject({
      kind: 'reject',
      code: 'operation-rejected',
      message: 'the answer has more than 1000 frames of zstd',
    });
  });

  it('of a HEAD is empty, whatever its headers say', async () => {
    const { origin } = await target(answering(200, '', { 'content-encoding': 'gzip' }));
    const outcome = await run(origin, { url: origin, method: 'HEAD' });
    expect(outcome).toMatchObject({ kind: 'done', result: text('') });
  });
});
