import { describe, expect, it, vi } from 'vitest';
import { type ClientOptions, ThroughlineClient } from '../../../client/index.ts';
import { LIMITS } from '../../../shared/job/limits.ts';
import { DONE } from '../../support/cli/servers.ts';
import { refusalOf } from '../support.ts';

const JOB = { operation: 'echo', input: 1 };

function clientWith(options: Partial<ClientOptions> = {}) {
  const fetch = vi.fn(async (_url: unknown, _init?: RequestInit) => Response.json(DONE));
  return { client: new ThroughlineClient({ url: 'http://api.test', ...options, fetch }), fetch };
}

async function readAll(events: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of events);
}

type Call = (client: ThroughlineClient) => unknown;

it('a program may say in its own words why fetch failed', async () => {
  const cause = new Error('fetch failed', { cause: new Error('no route') });
  const refuse = () => Promise.reject(cause);
  const url = 'http://api.test';
  await expect(new ThroughlineClient({ url, fetch: refuse }).get('x')).rejects.toThrow(
    'cannot reach the API at http://api.test/v1/jobs/x: no route',
  );
  const explain = (thrown: unknown, { isAnswered }: { isAnswered: boolean }) =>
    `${thrown === cause} ${isAnswered}`;
  await expect(new ThroughlineClient({ url, fetch: refuse, explain }).get('x')).rejects.toThrow(
    'cannot reach the API at http://api.test/v1/jobs/x: true false',
  );
});

it('a time that is over is told as such, also where a fetch of the program throws an error of its own', async () => {
  const fetch = (_url: unknown, init?: RequestInit) =>
    new Promise<never>((_, reject) => {
      init?.signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError')));
    });
  const client = new ThroughlineClient({ url: 'http://api.test', fetch });
  await expect(client.get('x', { timeoutMs: 1 })).rejects.toMatchObject({
    code: 'timeout',
    message: 'the API at http://api.test/v1/jobs/x did not answer within 0.001 s',
  });
});

it('headers of the program in any case are sent once, and do not double those of the client', async () => {
  const headers = {
    'Content-Type': 'application/json',
    Accept: 'application/json',
    Authorization: 'Basic other',
    Traceparent: 'other',
    'X-Own': 'a',
  };
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  const { client, fetch } = clientWith({ headers, apiKey: 'key', trace: () => ({ traceparent }) });
  await client.submit(JOB, { waitSeconds: 1 });
  const sent = new Headers(fetch.mock.calls[0]?.[1]?.headers);
  expect(Object.fromEntries(sent)).toEqual({
    'content-type': 'application/json',
    accept: 'application/json, application/problem+json',
    authorization: 'Bearer key',
    traceparent,
    prefer: 'wait=1',
    'x-own': 'a',
  });
});

it.each(['Accept', 'accept'])(
  'a header %s of the program does not take the event stream away',
  async (name) => {
    const { client, fetch } = clientWith({ headers: { [name]: 'application/json' } });
    fetch.mockResolvedValue(new Response(null, { status: 204 }));
    await readAll(client.watch('x'));
    const sent = new Headers(fetch.mock.calls[0]?.[1]?.headers);
    expect(sent.get('accept')).toBe('text/event-stream, application/problem+json');
  },
);

it.each([
  ['a job', (client: ThroughlineClient, options: object) => client.submit(JOB, options)],
  ['a name', (client: ThroughlineClient, options: object) => client.submit('echo', 1, options)],
])('an option that there is not is sent with %s, and the API refuses it by its name', async (_, submit) => {
  const { client, fetch } = clientWith();
  await submit(client, { waitSecond: 3 });
  expect(JSON.parse(String(fetch.mock.calls[0]?.[1]?.body))).toEqual({ ...JOB, waitSecond: 3 });
});

it('a job by the name of its operation is the same request as one object', async () => {
  const { client, fetch } = clientWith();
  const call = {
    waitSeconds: 5,
    idempotencyKey: 'once',
    trace: { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` },
  };
  const fields = { delay: '1h', tags: ['night'], maxAttempts: 2 };
  await client.submit('echo', { a: 1 }, { ...call, ...fields });
  await client.submit({ ...fields, operation: 'echo', input: { a: 1 } }, call);
  await client.submit('echo', null);
  await client.submit({ operation: 'echo', input: null });
  const [named, whole, least, leastWhole] = fetch.mock.calls.map(([url, init]) => [
    url,
    init?.method,
    init?.headers,
    init?.body,
  ]);
  expect(named).toEqual(whole);
  expect(least).toEqual(leastWhole);
  expect(JSON.parse(String(named?.[3]))).toEqual({ ...fields, operation: 'echo', input: { a: 1 } });
});

it('an input that is undefined is not sent as another one, so that the API asks for it', async () => {
  const { client, fetch } = clientWith();
  await client.submit('echo', undefined);
  expect(JSON.parse(String(fetch.mock.calls[0]?.[1]?.body))).toEqual({ operation: 'echo' });
});

/** Each call with options, as a program without types may give them. */
const CALLS: Readonly<Record<string, (client: ThroughlineClient, options: never) => unknown>> = {
  submitBatch: (client, options) => client.submitBatch([JOB], options),
  get: (client, options) => client.get('job-1', options),
  list: (client, options) => client.list({}, options),
  wait: (client, options) => client.wait('job-1', options),
  watch: (client, options) => readAll(client.watch('job-1', options)),
  cancel: (client, options) => client.cancel('job-1', options),
  cancelMany: (client, options) => client.cancelMany({}, options),
  listDeadLetters: (client, options) => client.listDeadLetters({}, options),
  deadLetter: (client, options) => client.deadLetter('job-1', options),
  redrive: (client, options) => client.redrive('job-1', options),
  redriveMany: (client, options) => client.redriveMany({}, options),
  outbox: (client, options) => client.outbox({}, options),
  retry: (client, options) => client.retry('job-1', options),
  removeRejected: (client, options) => client.removeRejected('job-1', options),
  usage: (client, options) => client.usage(options),
  operations: (client, options) => client.operations(options),
  'schedules.list': (client, options) => client.schedules.list({}, options),
  'schedules.get': (client, options) => client.schedules.get('nightly', options),
  'schedules.put': (client, options) => client.schedules.put('nightly', { ...JOB, every: '1h' }, options),
  'schedules.delete': (client, options) => client.schedules.delete('nightly', options),
  'schedules.pause': (client, options) => client.schedules.pause('nightly', options),
  'schedules.resume': (client, options) => client.schedules.resume('nightly', options),
  'schedules.trigger': (client, options) => client.schedules.trigger('nightly', options),
};

/** The options that some calls have, and calls that have them. */
const OF_SOME: Readonly<Record<string, readonly string[]>> = {
  waitSeconds: ['cancel'],
  idempotencyKey: ['submitBatch', 'schedules.trigger'],
  lastEventId: ['watch'],
  onBusy: ['watch'],
};

describe('an option that a call does not have is refused before anything is sent', () => {
  const strange = ['timeout', 'signl', 'method', 'headers', 'body', 'url', ...Object.keys(OF_SOME)];
  it.each(Object.entries(CALLS))('by %s', async (name, call) => {
    for (const option of name === 'watch' ? [...strange, 'timeoutMs'] : strange) {
      if (OF_SOME[option]?.includes(name)) continue;
      const { client, fetch } = clientWith();
      const refusal = await refusalOf(() => call(client, { [option]: 5 } as never));
      expect(refusal).toMatchObject({ code: 'request-invalid', message: `there is no option ${option}` });
      expect(fetch).not.toHaveBeenCalled();
    }
  });

  it.each(Object.entries(CALLS))('and one that is undefined is not given to %s', async (_, call) => {
    const { client, fetch } = clientWith();
    const unset = Object.fromEntries(strange.map((option) => [option, undefined]));
    fetch.mockResolvedValue(Response.json({}, { status: 410 }));
    expect(await refusalOf(() => call(client, unset as never))).toMatchObject({ status: 410 });
  });

  it.each(Object.entries(CALLS))('and those that it has are used by %s', async (name, call) => {
    const { client, fetch } = clientWith();
    const reason = new Error('enough');
    fetch.mockImplementation(async (_url, init) => {
      init?.signal?.throwIfAborted();
      throw new Error('the signal was not used');
    });
    const all = { ...(name !== 'watch' && { timeoutMs: 5_000 }), signal: AbortSignal.abort(reason) };
    await expect((async () => call(client, all as never))()).rejects.toBe(reason);
  });

  it.each(['list', 'listDeadLetters'] as const)('`tag` of the API is a filter of %s too', async (name) => {
    const { client, fetch } = clientWith();
    await client[name]({ tag: ['a', 'b'] } as object).catch(() => undefined);
    await client[name]({ tags: ['a', 'b'] }).catch(() => undefined);
    await client[name]({ tags: ['a', 'b'], tag: undefined } as object).catch(() => undefined);
    const queries = fetch.mock.calls.map(([url]) => new URL(String(url)).search);
    expect(queries).toEqual(Array(3).fill('?tag=a&tag=b'));
  });
});

it('a signal that is null is none', async () => {
  const { client, fetch } = clientWith({ signal: null as never });
  await client.get('job-1', { signal: null as never });
  expect(fetch).toHaveBeenCalledOnce();
});

it('a time limit that is a text, as from the environment, is that number of milliseconds', async () => {
  const timeoutMs = '50' as unknown as number;
  const url = 'http://api.test';
  const silent = (_url: unknown, init?: RequestInit) =>
    new Promise<Response>((_, reject) => {
      init?.signal?.addEventListener('abort', () => reject(init.signal?.reason));
    });
  await expect(new ThroughlineClient({ url, fetch: silent }).get('x', { timeoutMs })).rejects.toThrow(
    'did not answer within 0.05 s',
  );
});

describe('what can never be sent is said before anything is sent', () => {
  it.each<[what: string, call: Call, message: string]>([
    ...['', '.', '..', '../operations', 'a/b', 'a?b', 'a b', 'ä', 'x'.repeat(65), 'a\n'].flatMap((id) =>
      Object.entries<Call>({
        get: (client) => client.get(id),
        wait: (client) => client.wait(id),
        watch: (client) => readAll(client.watch(id)),
        cancel: (client) => client.cancel(id),
        deadLetter: (client) => client.deadLetter(id),
        redrive: (client) => client.redrive(id),
        retry: (client) => client.retry(id),
      }).map(([name, call]): [string, Call, string] => [
        `${name}(${JSON.stringify(id)})`,
        call,
        'the id of a job is',
      ]),
    ),
    ...['', 'ключ', 'a b', 'a\nb', 'a\r\nx-evil: 1', 'é', 'x'.repeat(256)].flatMap((idempotencyKey) => [
      [
        `submit with the key ${JSON.stringify(idempotencyKey.slice(0, 20))}`,
        (client: ThroughlineClient) => client.submit(JOB, { idempotencyKey }),
        '1 to 255 visible ASCII characters',
      ] as [string, Call, string],
      [
        `submitBatch with the key ${JSON.stringify(idempotencyKey.slice(0, 20))}`,
        (client: ThroughlineClient) => client.submitBatch([JOB], { idempotencyKey }),
        '1 to 255 visible ASCII characters',
      ] as [string, Call, string],
    ]),
    ...[Number.NaN, -1, Number.NEGATIVE_INFINITY].flatMap((waitSeconds) => [
      [
        `submit that waits ${waitSeconds}`,
        (client: ThroughlineClient) => client.submit(JOB, { waitSeconds }),
        'waitSeconds must be',
      ] as [string, Call, string],
      [
        `cancel that waits ${waitSeconds}`,
        (client: ThroughlineClient) => client.cancel('job-1', { waitSeconds }),
        'waitSeconds must be',
      ] as [string, Call, string],
    ]),
    ...[Number.NaN, -1, 0].map((timeoutMs): [string, Call, string] => [
      `get within ${timeoutMs} ms`,
      (client) => client.get('job-1', { timeoutMs }),
      'timeoutMs must be',
    ]),
    [
      'a trace with a line break',
      (client) => client.get('job-1', { trace: { tracestate: 'a=1\nb=2' } }),
      'the header tracestate holds a character',
    ],
    [
      'a place in a stream with a line break',
      (client) => readAll(client.watch('job-1', { lastEventId: '1\n2' })),
      'the header last-event-id holds a character',
    ],
    [
      'an input with NaN',
      (client) => client.submit({ operation: 'echo', input: [Number.NaN] }),
      '/input/0: ',
    ],
    [
      'an input with a BigInt',
      (client) => client.submit({ operation: 'echo', input: { n: 1n } }),
      '/input/n: ',
    ],
    [
      'a batch with a Map',
      (client) => client.submitBatch([JOB, { operation: 'echo', input: new Map() }]),
      '/jobs/1/input: JSON cannot hold a Map',
    ],
  ])('%s', async (_, call, message) => {
    const { client, fetch } = clientWith();
    const refusal = await refusalOf(() => call(client));
    expect(refusal).toMatchObject({ code: 'request-invalid', message: expect.stringContaining(message) });
    expect(fetch).not.toHaveBeenCalled();
  });

  it.each<[Partial<ClientOptions>, string]>([
    [{ url: 'api.test' }, 'starts with http:// or https://'],
    [{ url: 'localhost:8787' }, 'starts with http:// or https://'],
    [{ url: 'https://secret:secret@api.test' }, 'without credentials'],
    [{ url: 'https://api.test/v1' }, 'before /v1'],
    [{ apiKey: 'secret\n' }, 'apiKey may hold'],
    [{ apiKey: '' }, 'apiKey may hold'],
    [{ headers: { 'x secret': '1' } }, 'is not the name of a header'],
    [{ headers: { 'x-key': 'secret\nx: 1' } }, 'the header x-key holds'],
    [{ headers: { 'x-key': 'secret ☃' } }, 'the header x-key holds'],
  ])('the option %o of a client', async (options, message) => {
    const refusal = await refusalOf(() => clientWith(options).client.get('job-1'));
    expect(refusal.message).toContain(message);
    expect(refusal.message.replace('"x secret"', '')).not.toContain('secret');
  });
});

describe('a wait', () => {
  it.each([
    [0, '0'],
    [0.2, '1'],
    [1.5, '2'],
    [60, '60'],
    [1e9, String(LIMITS.waitSeconds)],
    [Number.POSITIVE_INFINITY, String(LIMITS.waitSeconds)],
  ])('of %d seconds asks the API for %s, rounded up', async (waitSeconds, asked) => {
    const { client, fetch } = clientWith();
    await client.submit(JOB, { waitSeconds });
    await client.cancel('job-1', { waitSeconds });
    for (const [, init] of fetch.mock.calls) expect(init?.headers).toMatchObject({ prefer: `wait=${asked}` });
  });
});

describe('a time limit', () => {
  it.each([2 ** 31, 30 * 24 * 3600e3, Number.MAX_VALUE, Number.POSITIVE_INFINITY])(
    'of %d ms is not over at once',
    async (timeoutMs) => {
      const slow = async (_url: unknown, init?: RequestInit): Promise<Response> => {
        await new Promise((resolve) => setTimeout(resolve, 30));
        init?.signal?.throwIfAborted();
        return Response.json(DONE);
      };
      const client = new ThroughlineClient({ url: 'http://api.test', fetch: slow });
      expect((await client.get('job-1', { timeoutMs })).id).toBe(DONE.id);
    },
  );
});
