import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../../shared/job/limits.ts';
import { job, problemIn, setup } from './app-support.ts';

const ENVELOPE_BYTES = 8 * 1024;

/** A submission whose input is this many bytes of JSON. */
const ofInput = (size: number): string => `{"operation":"echo","input":"${'x'.repeat(size - 2)}"}`;
const nested = (depth: number): string =>
  `{"operation":"echo","input":${'['.repeat(depth)}${']'.repeat(depth)}}`;
const keys = (count: number): string => Array.from({ length: count }, (_, i) => `"k${i}":1`).join(',');

const least = { operation: 'echo', input: 1 };

describe('the media type of a body', () => {
  it.each([
    'application/json',
    'application/json; charset=utf-8',
    'application/json;charset=utf-8',
    'Application/JSON',
    'application/cloudevents+json',
    'application/problem+json; x=y',
  ])('may be %s', async (type) => {
    const { post } = await setup();
    expect((await post(least, { 'content-type': type })).status).toBe(202);
  });

  it.each([
    '',
    'text/plain',
    'text/json',
    'application/x-www-form-urlencoded',
    'application/jsonx',
    'multipart/form-data',
    'application/json, text/plain',
    'x application/json',
  ])('must not be %j', async (type) => {
    const { post, submitted } = await setup();
    const response = await post(least, { 'content-type': type });
    expect(response.status).toBe(415);
    expect(await problemIn(response)).toMatchObject({ code: 'media-type-unsupported' });
    expect(submitted).toEqual([]);
  });

  it('does not make a job of a CloudEvent: what the event holds is not opened', async () => {
    const { post, submitted } = await setup();
    const event = { specversion: '1.0', id: '1', source: '/a', type: 'b', data: least };
    const response = await post(event, { 'content-type': 'application/cloudevents+json' });
    expect(response.status).toBe(400);
    const { code, violations } = (await problemIn(response)) as {
      code: string;
      violations: unknown;
    };
    expect(code).toBe('request-invalid');
    expect(JSON.stringify(violations)).toContain('specversion');
    expect(submitted).toEqual([]);
  });

  it.each(['gzip', 'br', 'deflate', 'gzip, gzip', 'IDENTITY, gzip', 'unknown'])(
    'does not matter when it is encoded as %s, which could hide a bomb',
    async (encoding) => {
      const { post } = await setup();
      const response = await post(least, { 'content-encoding': encoding });
      expect(response.status).toBe(415);
      expect(await problemIn(response)).toMatchObject({ code: 'media-type-unsupported' });
    },
  );

  it('may have the encoding `identity`', async () => {
    const { post } = await setup();
    expect((await post(least, { 'content-encoding': 'identity' })).status).toBe(202);
  });
});

describe('a body', () => {
  it.each([
    ['', 1, 1],
    ['{', 1, 2],
    ['{"operation":"echo"', 1, 20],
    ['echo', 1, 1],
    ['{"operation":"echo"}{}', 1, 21],
    ["{'operation':'echo'}", 1, 2],
    ['NaN', 1, 1],
    ['\0', 1, 1],
    ['\u001b[2J', 1, 1],
    ['{\n  "operation": "echo",\n  "input": 01\n}', 3, 13],
  ])('that is not JSON is answered 400, with the place: %j', async (body, line, column) => {
    const { post, submitted } = await setup();
    const response = await post(body);
    expect(response.status).toBe(400);
    expect(await problemIn(response)).toMatchObject({
      code: 'request-invalid',
      detail: expect.stringContaining(`the body is not JSON: line ${line}, column ${column}: `),
    });
    expect(submitted).toEqual([]);
  });

  it.each([
    ['Latin-1', Buffer.from('{"operation":"echo",\n"input":"Grüße"}', 'latin1'), 2, 12],
    ['UTF-16', Buffer.from('\ufeff{"operation":"echo","input":1}', 'utf16le'), 1, 1],
    ['an emoji, and half of one', Buffer.from('"😀😀"').subarray(0, 7), 1, 3],
    ['a U+FFFD of its own before', Buffer.from('22efbfbdefbfbd61ff22', 'hex'), 1, 5],
    ['the first two bytes of a U+FFFD', Buffer.from('22efbfbdefbf', 'hex'), 1, 3],
    ['a surrogate pair of two characters', Buffer.from('22eda0bdedb88022', 'hex'), 1, 2],
  ])('that is not UTF-8 is answered 400, with the place: %s', async (_, body, line, column) => {
    const { send } = await setup();
    const headers = { 'content-type': 'application/json' };
    const response = await send('/v1/jobs', { method: 'POST', headers, body });
    expect(response.status).toBe(400);
    const detail = `the body is not UTF-8: line ${line}, column ${column}`;
    expect(await problemIn(response)).toMatchObject({ code: 'request-invalid', detail });
  });

  it.each(['null', '[]', '"echo"', '7'])(
    'that is JSON but not an object is answered 400: %s',
    async (body) => {
      const { post } = await setup();
      const response = await post(body);
      expect(response.status).toBe(400);
      expect(await problemIn(response)).toMatchObject({ violations: [{ path: '' }] });
    },
  );

  it('with invalid fields is answered with each of them', async () => {
    const { post } = await setup();
    const response = await post({ operation: 'Echo', maxAttempts: 0, timeout: 'soon' });
    expect(response.status).toBe(400);
    const { violations, detail } = await problemIn(response);
    expect((violations as { path: string }[]).map(({ path }) => path)).toEqual([
      '/operation',
      '/input',
      '/timeout',
      '/maxAttempts',
    ]);
    expect(detail).toContain('/timeout: must be a duration');
  });

  it.each(['tmeout', 'max_attempts', '__proto__', 'constructor', 'a/b~c'])(
    'with the unknown field %s has it named',
    async (field) => {
      const { post, submitted } = await setup();
      const response = await post(`{"operation":"echo","input":1,${JSON.stringify(field)}:1}`);
      expect(response.status).toBe(400);
      expect((await problemIn(response)).detail).toContain(field);
      expect(submitted).toEqual([]);
    },
  );

  it.each([
    ['{"operation":"echo","input":{"id":1970670598291982290,"big":1e400}}', ['/input/id', '/input/big']],
    ['{"operation":"echo","input":1,"maxAttempts":1.00000000000000000001}', ['/maxAttempts']],
  ])('with a number that a double cannot hold has its path named: %s', async (body, paths) => {
    const { post, submitted } = await setup();
    const response = await post(body);
    expect(response.status).toBe(400);
    const { code, violations, detail } = await problemIn(response);
    expect(code).toBe('request-invalid');
    expect((violations as { path: string }[]).map(({ path }) => path)).toEqual(paths);
    for (const path of paths) expect(detail).toContain(`${path}: `);
    expect(submitted).toEqual([]);
  });

  it.each([
    ['numbers', `[${new Array(12).fill('9007199254740993').join(',')}]`],
    ['names that are there twice', `{${new Array(12).fill('"a":1').join(',')}}`],
  ])('with long or many names around wrong %s gets few words', async (_, inside) => {
    const { post } = await setup();
    const many = `{"${'/'.repeat(100)}":`.repeat(55) + inside + '}'.repeat(55);
    for (const input of [`{"${'/'.repeat(100_000)}":${inside}}`, many]) {
      const response = await post(`{"operation":"echo","input":${input}}`);
      expect(response.status).toBe(400);
      expect((await response.text()).length).toBeLessThan(10_000);
    }
  });

  it('of a batch with a number that a double cannot hold is refused as a whole', async () => {
    const { send, submitted } = await setup();
    const body = '{"jobs":[{"operation":"echo","input":1},{"operation":"echo","input":9007199254740993}]}';
    const headers = { 'content-type': 'application/json' };
    const response = await send('/v1/jobs/batch', { method: 'POST', headers, body });
    expect(response.status).toBe(400);
    expect(await problemIn(response)).toMatchObject({ violations: [{ path: '/jobs/1/input' }] });
    expect(submitted).toEqual([]);
  });

  it('with a name twice is refused with its path, at any depth', async () => {
    const { post, submitted } = await setup();
    const response = await post('{"operation":"a","input":{"x":[{"y":1,"y":2}]},"operation":"b"}');
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      code: 'request-invalid',
      violations: [{ path: '/input/x/0/y' }, { path: '/operation' }],
    });
    expect(submitted).toEqual([]);
  });
});

describe('a body of size', () => {
  it('up to the limit is accepted', async () => {
    const { post, submitted } = await setup();
    expect((await post(ofInput(LIMITS.inputBytes))).status).toBe(202);
    expect(submitted).toHaveLength(1);
  });

  it('beyond the limit of the input is answered 413, and the input is named', async () => {
    const { post, submitted } = await setup();
    const response = await post(ofInput(LIMITS.inputBytes + 1));
    expect(response.status).toBe(413);
    expect(await problemIn(response)).toMatchObject({
      code: 'payload-too-large',
      violations: [{ path: '/input' }],
    });
    expect(submitted).toEqual([]);
  });

  it('counts bytes, not characters', async () => {
    const { post } = await setup({}, { MAX_INPUT_BYTES: '100' });
    expect((await post({ operation: 'echo', input: 'x'.repeat(98) })).status).toBe(202);
    expect((await post({ operation: 'echo', input: 'ü'.repeat(50) })).status).toBe(413);
  });

  it('beyond the limit is answered 413 by its Content-Length, before it is read', async () => {
    const { send } = await setup();
    let pulled = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          pulled++;
          controller.enqueue(new Uint8Array(1_024));
        },
      },
      { highWaterMark: 0 },
    );
    const headers = { 'content-type': 'application/json', 'content-length': '1000000000' };
    const response = await send('/v1/jobs', streamed(body, headers));
    expect(response.status).toBe(413);
    expect(pulled).toBe(0);
  });

  it('is measured as it is sent, with its escapes', async () => {
    const { post } = await setup();
    const text = JSON.stringify({ operation: 'echo', input: 'é'.repeat(LIMITS.inputBytes / 4) });
    expect((await post(text)).status).toBe(202);
    expect((await post(text.replaceAll('é', '\\u00e9'))).status).toBe(413);
  });

  it('beyond the limit is answered 413 without a Content-Length, and only so much of it is read', async () => {
    const { send, submitted } = await setup();
    const chunk = new Uint8Array(16 * 1024).fill(0x20);
    let read = 0;
    const endless = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          read += chunk.length;
          controller.enqueue(chunk);
        },
      },
      { highWaterMark: 0 },
    );
    const response = await send('/v1/jobs', streamed(endless, { 'content-type': 'application/json' }));
    expect(response.status).toBe(413);
    expect(read).toBeLessThanOrEqual(LIMITS.inputBytes + ENVELOPE_BYTES + chunk.length);
    expect(submitted).toEqual([]);
  });

  it('that arrives in pieces is accepted', async () => {
    const { send, submitted } = await setup();
    const pieces = [...'{"operation":"echo","input":"grüße"}'].map((piece) =>
      new TextEncoder().encode(piece),
    );
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        const piece = pieces.shift();
        if (piece === undefined) controller.close();
        else controller.enqueue(piece);
      },
    });
    expect((await send('/v1/jobs', streamed(body, { 'content-type': 'application/json' }))).status).toBe(202);
    expect(submitted[0]?.inputJson).toBe('"grüße"');
  });

  it('without a Content-Length counts as what it has, once it is there', async () => {
    const waiting = Promise.withResolvers<void>();
    const { post, submitted } = await setup({
      submit: async ({ jobId }) => {
        await waiting.promise;
        return job({ id: jobId });
      },
    });
    const sent = 300;
    expect(sent * LIMITS.inputBytes).toBeGreaterThan(64 * 1024 * 1024);
    const answers: Promise<Response>[] = [];
    for (let place = 0; place < sent; place++) {
      answers.push(post({ operation: 'echo', input: place }));
      await expect.poll(() => submitted.length, { interval: 1 }).toBe(place + 1);
    }
    waiting.resolve();
    for (const { status } of await Promise.all(answers)) expect(status).toBe(202);
  });

  it('that breaks off submits no job', async () => {
    const { send, submitted } = await setup();
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode('{"operation":"echo","input":1}')),
      pull: (controller) => controller.error(new Error('canary')),
    });
    const response = await send('/v1/jobs', streamed(body, { 'content-type': 'application/json' }));
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(await response.text()).not.toContain('canary');
    expect(submitted).toEqual([]);
  });
});

describe('a body that is expensive to read', () => {
  it('with 64 levels is accepted', async () => {
    const { post } = await setup();
    expect((await post(nested(63))).status).toBe(202);
  });

  it.each([64, 1_000, 130_000])('with more than %i levels is answered 400', async (depth) => {
    const { post, submitted } = await setup();
    const response = await post(nested(depth));
    expect(response.status).toBe(400);
    expect((await problemIn(response)).detail).toContain('nested deeper than 64 levels');
    expect(submitted).toEqual([]);
  });

  it('may have any number of brackets in a text', async () => {
    const { post } = await setup();
    expect((await post({ operation: 'echo', input: '['.repeat(1_000) })).status).toBe(202);
  });

  it('with a million keys is answered 413', async () => {
    const { post } = await setup();
    expect((await post(`{"operation":"echo","input":{${keys(1_000_000)}}}`)).status).toBe(413);
  });

  it('with as many keys as fit is accepted', async () => {
    const { post } = await setup();
    expect((await post(`{"operation":"echo","input":{${keys(20_000)}}}`)).status).toBe(202);
  });

  it('with as many unknown fields as fit gets a short answer 400', async () => {
    const { post } = await setup();
    const response = await post(`{"operation":"echo","input":1,${keys(20_000)}}`);
    expect(response.status).toBe(400);
    expect((await response.text()).length).toBeLessThan(16 * 1024);
  });
});

/** A request whose body is a stream; Node asks for `duplex`, which the types of workerd do not know. */
function streamed(body: ReadableStream<Uint8Array>, headers: Record<string, string>): RequestInit {
  return { method: 'POST', headers, body, duplex: 'half' } as RequestInit;
}
