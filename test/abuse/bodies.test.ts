import { gzipSync } from 'node:zlib';
import { Kvm } from '@nats-io/kv';
import { connect } from '@nats-io/transport-node';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { BatchReport } from '../../shared/api/answers/batch-report.ts';
import type { Problem } from '../../shared/api/answers/problem.ts';
import { LIMITS } from '../../shared/job/limits.ts';
import { OPERATIONS_BUCKET } from '../../shared/nats/streams.ts';
import { HOSTILE_FAMILIES } from '../support/hostile-schemas.ts';
import { connectRaw } from '../support/http/raw-http.ts';
import { storedCount } from '../support/nats/stored.ts';
import { until } from '../support/poll.ts';
import { problemOf, startTestStack, type TestStack } from '../support/stack.ts';

/** Far more than any of these needs, and far less than a parser needs that runs wild. */
const TIME_MS = 15_000;

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
});

/** Sends a body as it is, and gives the answer, which must come in time. */
async function post(
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<{ readonly status: number; readonly text: string; readonly problem: Problem }> {
  const start = performance.now();
  const response = await stack.call(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  const text = await response.text();
  expect(performance.now() - start).toBeLessThan(TIME_MS);
  return { status: response.status, text, problem: JSON.parse(text) };
}

const keys = (count: number): string => Array.from({ length: count }, (_, n) => `"k${n}":0`).join(',');
const nested = (depth: number, open = '[', close = ']'): string => open.repeat(depth) + close.repeat(depth);
const job = (input: string): string => `{"operation":"echo","input":${input}}`;

/** 100 MiB of blanks, compressed. */
const bomb = new Uint8Array(gzipSync(Buffer.alloc(100 * 1024 * 1024, 0x20)));

describe('a body', () => {
  it.each([
    ['of 10^6 keys', '/v1/jobs', job(`{${keys(1_000_000)}}`), 413],
    ['nested 100,000 deep', '/v1/jobs', job(nested(100_000)), 400],
    ['nested 40,000 deep in objects', '/v1/jobs', job(nested(40_000, '{"a":', '}')), 400],
    ['that is only opened', '/v1/jobs', '['.repeat(250_000), 400],
    ['that is only closed', '/v1/jobs', ']'.repeat(250_000), 400],
    ['of one text that never ends', '/v1/jobs', `"${'\\"'.repeat(125_000)}`, 400],
    ['of 20,000 unknown fields', '/v1/jobs', `{${keys(20_000)}}`, 400],
    ['of a batch with 300,000 unknown fields', '/v1/jobs/batch', `{"jobs":[],${keys(300_000)}}`, 400],
    ['of a batch with one deep job', '/v1/jobs/batch', `{"jobs":[${job('1')},${job(nested(100))}]}`, 400],
    ['that is not UTF-8', '/v1/jobs', new Uint8Array([0x22, 0xff, 0x22]), 400],
  ])('A16: %s is refused in time, and nothing is stored', async (_what, path, body, status) => {
    const before = await storedCount(stack);
    const { status: answered, problem, text } = await post(path, body);
    expect([answered, problem.status]).toEqual([status, status]);
    expect(await storedCount(stack)).toBe(before);
    expect(text.length).toBeLessThan(4_000);
  });

  it('A16: of a batch of 100 largest jobs is refused before it is sent', async () => {
    const connection = await connectRaw(stack.url);
    onTestFinished(() => void connection.socket.destroy());
    connection.write(
      `POST /v1/jobs/batch HTTP/1.1\r\nHost: ${new URL(stack.url).host}\r\nAuthorization: Bearer ${stack.apiKey}\r\nContent-Type: application/json\r\nContent-Length: ${largestBatch(LIMITS.batchJobs).length}\r\n\r\n{`,
    );
    await until('the answer', () => connection.answered().startsWith('HTTP/1.1 413 '));
  });

  it.each([
    ['it is too large', {}, 413],
    ['the API key is wrong', { authorization: 'Bearer wrong' }, 401],
    ['its type is not taken', { 'content-type': 'text/plain' }, 415],
    ['it is compressed', { 'content-encoding': 'gzip' }, 415],
  ])(
    'A16: of 8 MiB is refused by an answer, not by a broken pipe, because %s',
    async (_why, headers, status) => {
      const large = 'x'.repeat(8 * 1024 * 1024);
      const stream = () => new Blob([large]).stream();
      for (let n = 0; n < 20; n++) {
        const init = n % 2 === 0 ? { body: large } : { body: stream(), duplex: 'half' as const };
        const response = await stack.call('/v1/jobs', {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...headers },
          ...init,
        });
        expect(response.status).toBe(status);
        expect((await problemOf(response)).status).toBe(status);
      }
    },
  );

  it('A16: an answer never repeats a name that is as long as a body', async () => {
    const name = 'n'.repeat(200_000);
    for (const [path, body] of [
      ['/v1/jobs', `{"operation":"echo","input":1,"${name}":1}`],
      ['/v1/jobs/batch', `{"jobs":[1],"${name}":1}`],
      ['/v1/jobs/batch', `{"jobs":[{"operation":"echo","input":1,"${name}":1}]}`],
      ['/v1/jobs', `{"operation":"http.request","input":{"url":"http://a/","${name}":1}}`],
      ['/v1/jobs', `{"operation":"http.request","input":{"url":"http://a/","headers":{"${name}":1}}}`],
      ['/v1/dead-letters/redrive', `{"${name}":1}`],
    ] as const) {
      const { text } = await post(path, body);
      expect([path, text.length < 4_000]).toEqual([path, true]);
    }
  });

  it('A16: of a batch with 16 largest inputs is accepted as a whole', async () => {
    const { status, text } = await post('/v1/jobs/batch', largestBatch(LIMITS.batchInputs));
    expect(status).toBe(207);
    const { results } = BatchReport.parse(JSON.parse(text));
    expect(results.map((result) => result.status)).toEqual(Array(LIMITS.batchInputs).fill(202));
  });

  it('A16: with a name twice in an object is refused with the path, so that edge and worker never read it differently', async () => {
    const response = await stack.call('/v1/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json', prefer: 'wait=30' },
      body: '{"operation":"http.request","input":{"a":1,"a":2}}',
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ violations: [{ path: '/input/a' }] });
  });

  it('A11: __proto__ and similar names are data in an input, and unknown fields beside it', async () => {
    const hostile = '{"__proto__":{"tenant":"admin"},"constructor":{"prototype":{"x":1}},"toString":1}';
    const response = await stack.call('/v1/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json', prefer: 'wait=30' },
      body: job(hostile),
    });
    expect(response.status).toBe(200);
    expect(await response.text()).toContain(`"result":${hostile}`);
    for (const field of ['__proto__', 'constructor', 'toString', 'tenant']) {
      const beside = await post('/v1/jobs', `{"operation":"echo","input":1,"${field}":{"maxAttempts":1}}`);
      expect([field, beside.status]).toEqual([field, 400]);
    }
  });

  it.each(['gzip', 'deflate', 'br', 'zstd', 'GZIP, identity'])(
    'A18: that is compressed (%s) is not unpacked',
    async (encoding) => {
      const before = await storedCount(stack);
      const { status } = await post('/v1/jobs', bomb, { 'content-encoding': encoding });
      expect(status).toBe(415);
      expect(await storedCount(stack)).toBe(before);
    },
  );

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonx',
    'text/json',
    'application/json-seq',
    'x/y, application/json',
  ])('A18: of the type %s is not read', async (type) => {
    expect((await post('/v1/jobs', job('1'), { 'content-type': type })).status).toBe(415);
  });
});

describe('the schema of an operation', () => {
  it('A16: cannot be used to stop the edge: every format is judged in time', async () => {
    await announce('hostile.formats', {
      type: 'object',
      properties: Object.fromEntries(FORMATS.map((format) => [format, { type: 'string', format }])),
    });
    const submit = (input: unknown) =>
      post('/v1/jobs', JSON.stringify({ operation: 'hostile.formats', input }));
    await until('the operation to be known', async () => (await submit({})).status === 202);
    for (const format of FORMATS) {
      for (const [start, unit, end] of HOSTILE_TEXTS) {
        const { status } = await submit({ [format]: start + unit.repeat(20_000 / unit.length) + end });
        expect([202, 422]).toContain(status);
      }
    }
  });

  it.each(HOSTILE_FAMILIES.map((family, index) => [family.name, family, index] as const))(
    'A16: cannot be used to stop the edge: %s',
    async (_name, { schema, input }, index) => {
      const operation = `hostile.family-${index}`;
      await announce(operation, schema);
      const submit = (size: number) => post('/v1/jobs', JSON.stringify({ operation, input: input(size) }));
      await until(
        'the operation to be known',
        async () => (await submit(1)).problem.code !== 'operation-unknown',
      );
      // The largest that is taken.
      const size = [1_000, 300, 100, 30, 10, 3].find(
        (one) => JSON.stringify(input(one)).length < LIMITS.inputBytes,
      );
      const [{ status }, other] = await Promise.all([submit(size ?? 1), post('/v1/jobs', job('1'))]);
      expect([202, 422]).toContain(status);
      expect(other.status).toBe(202);
    },
  );
});

const FORMATS = [
  'uri',
  'uri-reference',
  'uri-template',
  'url',
  'email',
  'hostname',
  'ipv6',
  'regex',
  'date-time',
  'duration',
];
const HOSTILE_TEXTS = [
  ['a://', 'a', '!'],
  ['http://', 'a', '^'],
  ['http://a@', 'a', '^'],
  ['http://', 'a-', '^'],
  ['http://', 'a.', '^'],
  ['a@', 'a.', '@'],
  ['', '0:', 'g'],
  ['', '%41', ' '],
  ['(', 'a+', ')+$'],
] as const;

function largestBatch(jobs: number): string {
  // The other fields of a job need a little room beside its input.
  const largest = job(`"${'x'.repeat(LIMITS.inputBytes - 2)}"`);
  return `{"jobs":[${Array(jobs).fill(largest).join(',')}]}`;
}

/** Announces an operation as a worker in another language would. */
async function announce(name: string, inputCheck: unknown): Promise<void> {
  const nats = await connect({ servers: stack.nats.url });
  const bucket = await new Kvm(nats).open(OPERATIONS_BUCKET);
  await bucket.put(
    name,
    JSON.stringify({ name, inputSchema: true, inputCheck, timeoutMs: 1_000, maxAttempts: 1 }),
  );
  await nats.close();
}
